<#
.SYNOPSIS
Installs the JEA endpoint "SecondResponder" on Exchange servers: it offers only the functions that Second Responder requires.

.DESCRIPTION
Run it elevated in Windows PowerShell 5.1 on an Exchange server, or anywhere as an administrator of the servers in -ComputerName, first with -WhatIf.
You can run it again: it only changes what is out of date.

It writes the module SecondResponder with its role capability to %ProgramFiles%\WindowsPowerShell\Modules, writable by administrators only, creates a
folder for transcripts and a source in the Application log, and registers the endpoint for one account or group.

A new or changed endpoint takes effect when WinRM is restarted, which ends every remote PowerShell session with the server. The script restarts WinRM
only with -RestartWinRM; otherwise it reports that a restart is due. New services and a new version of the module need no restart: they apply to
every session that starts afterwards.

.PARAMETER Account
The only group or account that may use the endpoint, such as 'CONTOSO\SecondResponder$' (a group managed service account).

.PARAMETER Services
The services that may be restarted. This server refuses all others, even if the daemon's own list (safety.services) contains them. The default is
the default of that list.

.PARAMETER Scripts
The scripts that the daemon may run on this server, by their file names. They must be in %ProgramFiles%\SecondResponder\Scripts, where you copy
them; only a file with the content that the daemon's own copy has is run. Default: none.

.PARAMETER ObserveOnly
Offers only the functions that read, and none that changes anything.

.PARAMETER Uninstall
Removes the endpoint, the module and the source of the log. Transcripts stay as a record.

.PARAMETER ComputerName
Servers to install on, over PowerShell remoting, one after another. Default: this server.

.PARAMETER RestartWinRM
Restarts WinRM on servers whose endpoint has changed. This ends every remote PowerShell session with them.

.PARAMETER Transcripts
Folder where each session is recorded. Default: %ProgramData%\SecondResponderTranscripts. Nothing deletes the transcripts.

.PARAMETER AllowDomainController
Installs even on a domain controller, where the endpoint's virtual account is a Domain Admin.

.PARAMETER Package
Internal: the files next to the script, as text, when it runs itself on another server.

.EXAMPLE
.\Install-SecondResponderEndpoint.ps1 -Account 'CONTOSO\SecondResponder$' -ComputerName ex1, ex2 -WhatIf

.EXAMPLE
.\Install-SecondResponderEndpoint.ps1 -Account 'CONTOSO\SecondResponder$' -ComputerName ex1, ex2 -RestartWinRM

.EXAMPLE
.\Install-SecondResponderEndpoint.ps1 -Uninstall -ComputerName ex1, ex2

.OUTPUTS
For each server, what was done and whether WinRM must be restarted.
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Install')]
param(
    [Parameter(ParameterSetName = 'Install', Mandatory = $true)] [string] $Account,
    [Parameter(ParameterSetName = 'Install')]
    [string[]] $Services = @('MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE'),
    [Parameter(ParameterSetName = 'Install')] [string[]] $Scripts = @(),
    [Parameter(ParameterSetName = 'Install')] [switch] $ObserveOnly,
    [Parameter(ParameterSetName = 'Install')] [string] $Transcripts = [IO.Path]::Combine("$env:ProgramData", 'SecondResponderTranscripts'),
    [Parameter(ParameterSetName = 'Install')] [switch] $AllowDomainController,
    [Parameter(ParameterSetName = 'Uninstall', Mandatory = $true)] [switch] $Uninstall,
    [string[]] $ComputerName = @(),
    [switch] $RestartWinRM,
    [Parameter(DontShow = $true)] [hashtable] $Package = @{}
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Endpoint = 'SecondResponder'
$Script = 'Install-SecondResponderEndpoint.ps1'
# Default services that a server may not have: in Exchange 2013, front end and back end may be on different servers.
$MayBeMissing = 'MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE'
$TooBroad = @{
    'S-1-1-0'      = 'everyone'
    'S-1-5-2'      = 'everyone connected over the network'
    'S-1-5-4'      = 'everyone logged on'
    'S-1-5-7'      = 'anonymous'
    'S-1-5-11'     = 'everyone with an account'
    'S-1-5-32-545' = 'all users'
}

# SYSTEM, Administrators, TrustedInstaller, and CREATOR OWNER, which stands for one of these.
$Trusted = 'S-1-5-18', 'S-1-5-32-544', 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464', 'S-1-3-0'
# Every right to change a file, a folder or its permissions: write, append, attributes, delete, permissions, owner, and the generic rights.
$WriteRights = 0x2 -bor 0x4 -bor 0x10 -bor 0x40 -bor 0x100 -bor 0x10000 -bor 0x40000 -bor 0x80000 -bor 0x40000000 -bor 0x10000000
# Owner: Administrators. SYSTEM and Administrators have full control, Users can read and execute, and nothing is inherited.
$AdministratorsWrite = 'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)'
$AdministratorsOnly = 'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'

$Modules = [IO.Path]::Combine("$env:ProgramFiles", 'WindowsPowerShell', 'Modules')
$Folder = [IO.Path]::Combine($Modules, 'SecondResponder')
$Capabilities = [IO.Path]::Combine($Folder, 'RoleCapabilities')
$Changes = [Collections.Generic.List[string]]::new()

# ----------------------------------------------------------------------------------------------------------------- the files

function Read-Package {
    $files = @{}
    foreach ($name in 'SecondResponder.psd1', 'SecondResponder.psrc', 'SecondResponder.Observe.psrc', 'SecondResponder.pssc', 'SecondResponder.Windows.psm1', $Script) {
        $files[$name] = [IO.File]::ReadAllText([IO.Path]::Combine($PSScriptRoot, $name))
    }
    # Next to this script if it was copied there, otherwise in its place in deploy.
    $name = 'SecondResponder.Target.psm1'
    $at = @([IO.Path]::Combine($PSScriptRoot, $name), [IO.Path]::Combine($PSScriptRoot, '..', 'powershell', $name)) | Where-Object { [IO.File]::Exists($_) }
    if (-not $at) { throw "$name is neither next to this script nor in ..\powershell: copy the whole folder deploy." }
    $files[$name] = [IO.File]::ReadAllText(@($at)[0])
    $files
}

<# Replaces a part of the text, which must occur exactly once. #>
function Set-Part {
    param([string] $Text, [string] $Part, [string] $With)
    $at = $Text.IndexOf($Part, [StringComparison]::Ordinal)
    if ($at -lt 0 -or $Text.IndexOf($Part, $at + 1, [StringComparison]::Ordinal) -ge 0) { throw "A file was modified: it must contain $Part exactly once." }
    $Text.Substring(0, $at) + $With + $Text.Substring($at + $Part.Length)
}

<# A value, escaped for single quotes. #>
function Get-Quoted {
    param([string] $Value)
    [Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($Value)
}

<# The files of the module, by their path in the module folder. #>
function Get-WantedFile {
    param([string] $Who, [string[]] $May, [string[]] $Run)
    $role = if ($ObserveOnly) { 'SecondResponder.Observe' } else { 'SecondResponder' }
    $capability = $Package["$role.psrc"]
    if (-not $ObserveOnly) {
        if ($capability -notmatch "(?m)^ *ValidateSet = 'MSExchange.*$") { throw 'There is no ValidateSet of services in SecondResponder.psrc.' }
        $set = @($May | ForEach-Object { "'$(Get-Quoted $_)'" }) -join ', '
        $capability = Set-Part $capability $Matches[0].Trim() "ValidateSet = $set"
        if ($Run.Count -gt 0) {
            $set = @($Run | ForEach-Object { "'$(Get-Quoted $_)'" }) -join ', '
            $capability = Set-Part $capability "ValidateSet = '(no script)'" "ValidateSet = $set"
        }
    }
    $configuration = Set-Part $Package['SecondResponder.pssc'] '%ACCOUNT%' (Get-Quoted $Who)
    $configuration = Set-Part $configuration '%CAPABILITY%' $role
    $configuration = Set-Part $configuration '%TRANSCRIPTS%' (Get-Quoted $Transcripts)
    @{
        'SecondResponder.psd1'        = $Package['SecondResponder.psd1']
        'SecondResponder.Target.psm1' = $Package['SecondResponder.Target.psm1']
        "RoleCapabilities/$role.psrc" = $capability
        'SecondResponder.pssc'        = $configuration
    }
}

# --------------------------------------------------------------------------------------------------------------------- checks

function Assert-Administrator {
    if (-not (Test-Elevated)) { throw "Changing the endpoint on $(Get-ServerName) requires an administrator: start Windows PowerShell with ""Run as administrator""." }
    if (-not (Test-WindowsPowerShell)) { throw 'PowerShell 7 would register an endpoint of PowerShell 7: run this in Windows PowerShell 5.1 (powershell.exe).' }
}

function Get-ServerName { $env:COMPUTERNAME }

function Get-CheckedAccount {
    $who = Resolve-Account $Account
    if (-not $who) {
        throw "There is no account or group ""$Account"". Write it as DOMAIN\name. The name of a managed service account or a computer ends with a dollar sign; put it in single quotes."
    }
    $crowd = $TooBroad[$who.Sid]
    if ($who.Sid -match '-513$') { $crowd = 'all users of the domain' }
    if ($who.Sid -match '-515$') { $crowd = 'all computers of the domain' }
    if ($crowd) { throw "$($who.Name) is $crowd. Name the account of the daemon, or a group that contains only it." }
    $who.Name
}

function Get-CheckedService {
    $checked = @()
    # powershell.exe -File passes a list as one text.
    foreach ($name in @($Services | ForEach-Object { $_.Split(',') } | ForEach-Object { $_.Trim() })) {
        if ($name -notmatch '\A[A-Za-z0-9][A-Za-z0-9$_.-]*\z') {
            throw """$name"" is not a service name. Give the name, not the display name: Get-Service lists both. Patterns are not allowed."
        }
        if ($checked -notcontains $name) { $checked += $name }
    }
    if ($ObserveOnly) { return $checked }
    $here = @($checked | Where-Object { @(Get-Service -Name $_ -ErrorAction SilentlyContinue).Count -gt 0 })
    if ($here.Count -eq 0) { throw "$(Get-ServerName) has none of these services: $($checked -join ', '). Is it an Exchange server?" }
    $unknown = @($checked | Where-Object { $here -notcontains $_ -and $MayBeMissing -notcontains $_ })
    if ($unknown.Count -gt 0) {
        throw "$(Get-ServerName) has no service $($unknown -join ', '). Get-Service lists the names. If servers differ, run this for each kind with its own -Services."
    }
    $checked
}

<# Names of files in %ProgramFiles%\SecondResponder\Scripts. Which content runs is decided by the hash that the daemon sends. #>
function Get-CheckedScript {
    foreach ($name in @($Scripts | ForEach-Object { $_.Split(',') } | ForEach-Object { $_.Trim() })) {
        if ($name -cnotmatch '\A[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.ps1\z') {
            throw """$name"" is not the name of a script, such as clear-cache.ps1: give the file name without its folder. Patterns are not allowed."
        }
        $name
    }
}

<# Anyone who can write to the folder of scripts can keep a script from running, or exchange one between two runs. #>
function Assert-SafeScript {
    $own = [IO.Path]::Combine("$env:ProgramFiles", 'SecondResponder')
    $folder = [IO.Path]::Combine($own, 'Scripts')
    foreach ($path in $own, $folder) {
        if (-not [IO.Directory]::Exists($path)) { continue }
        $others = @(Get-OtherWriter $path)
        if ($others.Count -gt 0) { throw "$path can be written to by $($others -join ', '). Remove that right and run this again." }
    }
}

function Assert-Transcripts {
    if (-not [IO.Path]::IsPathRooted($Transcripts)) { throw "-Transcripts must be an absolute path, such as D:\Transcripts, not ""$Transcripts""." }
}

function Assert-NoDomainController {
    # 2 is a domain controller, 3 another server, 1 a workstation.
    if ((Get-CimInstance -ClassName Win32_OperatingSystem).ProductType -ne 2 -or $AllowDomainController) { return }
    throw "$(Get-ServerName) is a domain controller: the endpoint's virtual account would be a Domain Admin there. To install there anyway, add -AllowDomainController."
}

<# SIDs of everyone except administrators who can write there. #>
function Get-OtherWriter {
    param([string] $Path)
    $acl = Get-Acl -LiteralPath $Path
    $others = @($acl.GetOwner([Security.Principal.SecurityIdentifier]).Value)
    foreach ($rule in $acl.GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
        if ("$($rule.AccessControlType)" -eq 'Allow' -and ([int] $rule.FileSystemRights -band $WriteRights) -ne 0) { $others += $rule.IdentityReference.Value }
    }
    @($others | Where-Object { $Trusted -notcontains $_ } | Select-Object -Unique)
}

<# Anyone who can write to the parent folder can replace the module. The script does not change the rights of that folder. #>
function Assert-SafePlace {
    if (-not [IO.Directory]::Exists($Modules)) { return }
    $others = @(Get-OtherWriter $Modules)
    if ($others.Count -eq 0) { return }
    throw "$Modules can be written to by $($others -join ', '), who could put another module there that would run as an administrator. Remove that right and run this again."
}

<# Files in the folder that are not the module's may be someone else's, or malicious. #>
function Assert-NoForeignFile {
    if (-not [IO.Directory]::Exists($Folder)) { return }
    $known = 'SecondResponder.psd1', 'SecondResponder.Target.psm1', 'SecondResponder.pssc', 'SecondResponder.psrc', 'SecondResponder.Observe.psrc', 'RoleCapabilities'
    $foreign = @([IO.Directory]::GetFileSystemEntries($Folder, '*', 'AllDirectories') | Where-Object { $known -notcontains [IO.Path]::GetFileName($_) })
    if ($foreign.Count -gt 0) { throw "This script did not create these files: $($foreign -join ', '). Check and delete them, then run this again." }
}

<# The registered endpoint; nothing if there is none. Throws if another endpoint has its name. #>
function Get-Registered {
    $registered = Get-PSSessionConfiguration -Name $Endpoint -ErrorAction SilentlyContinue
    if (-not $registered) { return }
    $property = $registered.PSObject.Properties['ConfigFilePath']
    $file = if ($property) { [string] $property.Value } else { '' }
    if ($Package['SecondResponder.pssc'] -notmatch "GUID += '([0-9a-f-]+)'") { throw 'There is no GUID in SecondResponder.pssc.' }
    # Windows names its copy of the configuration after the endpoint and the GUID.
    if (-not $file.Contains($Matches[1])) {
        throw "There is an endpoint ""$Endpoint"" that this script did not create: $file. If it is not needed: Unregister-PSSessionConfiguration -Name $Endpoint"
    }
    @{ File = $file }
}

# -------------------------------------------------------------------------------------------------------------------- changes

<# Makes one change and records it. With -WhatIf it only prints and records it. #>
function Invoke-Change {
    param([string] $Target, [string] $Action, [scriptblock] $Do)
    if ($ScriptCmdlet.ShouldProcess($Target, $Action)) { & $Do } elseif (-not $WhatIfPreference) { return }
    $Changes.Add("${Action}: $Target")
}

function Protect-Folder {
    param([string] $Path, [string] $Sddl)
    $acl = Get-Acl -LiteralPath $Path
    $acl.SetSecurityDescriptorSddlForm($Sddl)
    Set-Acl -LiteralPath $Path -AclObject $acl
}

function Read-Text {
    param([string] $Path)
    if ([IO.File]::Exists($Path)) { [IO.File]::ReadAllText($Path) } else { $null }
}

function Install-Module {
    param([hashtable] $Files)
    $isNew = -not [IO.Directory]::Exists($Folder)
    if (-not $isNew) {
        $parts = @($Folder) + @([IO.Directory]::GetFileSystemEntries($Folder, '*', 'AllDirectories'))
        $others = @($parts | ForEach-Object { Get-OtherWriter $_ } | Select-Object -Unique)
        # Their changes can't be told from ours, so everything is deleted. A file may have its own rights.
        if ($others.Count -gt 0) {
            $isNew = $true
            Invoke-Change $Folder "delete, because $($others -join ', ') could write to it" { [IO.Directory]::Delete($Folder, $true) }
        }
    }
    if ($isNew) {
        Invoke-Change $Folder 'create, writable by administrators only' {
            [void] [IO.Directory]::CreateDirectory($Folder)
            Protect-Folder $Folder $AdministratorsWrite
        }
    }
    if (-not $isNew -and [IO.Directory]::Exists($Capabilities)) {
        foreach ($file in [IO.Directory]::GetFiles($Capabilities)) {
            # The role capability of an earlier installation.
            if (-not $Files.ContainsKey("RoleCapabilities/$([IO.Path]::GetFileName($file))")) { Invoke-Change $file 'delete' { [IO.File]::Delete($file) } }
        }
    }
    foreach ($name in @($Files.Keys | Sort-Object)) {
        $path = [IO.Path]::Combine($Folder, $name)
        # A new file, not a copy: a copy would keep the mark of a file from the internet.
        if (-not $isNew -and (Read-Text $path) -ceq $Files[$name]) { continue }
        Invoke-Change $path 'write' {
            [void] [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($path))
            # Windows PowerShell reads a file without a byte order mark in the code page of the system; an account name may have any characters.
            [IO.File]::WriteAllText($path, $Files[$name], [Text.UTF8Encoding]::new($Files[$name] -match '[^\x00-\x7f]'))
        }
    }
}

function Install-Record {
    $others = @(if ([IO.Directory]::Exists($Transcripts)) { Get-OtherWriter $Transcripts })
    # Any user can create folders in %ProgramData%, so a folder of this name may exist and belong to a user.
    if ($others.Count -gt 0) { Invoke-Change $Transcripts "restrict to administrators, because $($others -join ', ') could write to it" { Protect-Folder $Transcripts $AdministratorsOnly } }
    if (-not [IO.Directory]::Exists($Transcripts)) {
        Invoke-Change $Transcripts 'create, for administrators only' {
            [void] [IO.Directory]::CreateDirectory($Transcripts)
            Protect-Folder $Transcripts $AdministratorsOnly
        }
    }
    if (-not (Test-EventSource $Endpoint)) {
        Invoke-Change 'Application log' "add source $Endpoint" { New-EventLog -LogName Application -Source $Endpoint }
    }
}

function Install-Endpoint {
    param([string] $Wanted)
    $registered = Get-Registered
    if ($registered -and (Read-Text $registered.File) -ceq $Wanted) { return }
    if ($registered) {
        Invoke-Change "endpoint $Endpoint" 'unregister, to register it again' { [void] (Unregister-PSSessionConfiguration -Name $Endpoint -Force -NoServiceRestart) }
    }
    # -Force alone would restart WinRM silently.
    Invoke-Change "endpoint $Endpoint" 'register' {
        [void] (Register-PSSessionConfiguration -Name $Endpoint -Path ([IO.Path]::Combine($Folder, 'SecondResponder.pssc')) -Force -NoServiceRestart)
    }
}

function Uninstall-Endpoint {
    if (Get-Registered) {
        Invoke-Change "endpoint $Endpoint" 'unregister' { [void] (Unregister-PSSessionConfiguration -Name $Endpoint -Force -NoServiceRestart) }
    }
    Assert-NoForeignFile
    if ([IO.Directory]::Exists($Folder)) { Invoke-Change $Folder 'delete' { [IO.Directory]::Delete($Folder, $true) } }
    if (Test-EventSource $Endpoint) { Invoke-Change 'Application log' "remove source $Endpoint" { Remove-EventLog -Source $Endpoint } }
}

<# Installs or uninstalls everything on this server. #>
function Invoke-Here {
    Assert-Administrator
    $answer = [ordered] @{ Server = Get-ServerName; Endpoint = $Endpoint; State = 'unchanged'; Account = ''; Services = ''; Changes = @(); RestartWinRM = '' }
    if ($Uninstall) {
        Uninstall-Endpoint
    } else {
        $answer.Account = Get-CheckedAccount
        $may = @(Get-CheckedService)
        $answer.Services = if ($ObserveOnly) { 'none: observe only' } else { $may -join ', ' }
        Assert-Transcripts
        Assert-NoDomainController
        Assert-SafePlace
        Assert-NoForeignFile
        [void] (Get-Registered)
        $run = @(Get-CheckedScript)
        if ($run.Count -gt 0) { Assert-SafeScript }
        $files = Get-WantedFile $answer.Account $may $run
        Install-Module $files
        Install-Record
        Install-Endpoint $files['SecondResponder.pssc']
    }
    $answer.Changes = @($Changes)
    $done = if ($Uninstall) { 'uninstalled' } else { 'installed' }
    if ($Changes.Count -gt 0) { $answer.State = if ($WhatIfPreference) { "would be $done" } else { $done } }
    if (@($Changes | Where-Object { $_ -match '^(un)?register' }).Count -gt 0) { $answer.RestartWinRM = 'due' }
    [pscustomobject] $answer
}

function Complete-Restart {
    param($Answer, [string] $At)
    if ($Answer.RestartWinRM -ne 'due') { return }
    $server = $Answer.Server
    if ($RestartWinRM) {
        if ($ScriptCmdlet.ShouldProcess("WinRM on $server", 'restart, which ends every remote PowerShell session with it')) {
            Restart-WinRM -ComputerName $At
            $Answer.RestartWinRM = 'done'
        }
        return
    }
    Write-Warning "The changed endpoint on $server takes effect when WinRM or the server is restarted, which ends every remote PowerShell session with it. When convenient, on the server itself: Restart-Service WinRM"
}

$ScriptCmdlet = $PSCmdlet
$sent = $Package.Count -gt 0
if (-not $sent) { $Package = Read-Package }
$null = New-Module -Name SecondResponder.Windows -ScriptBlock ([scriptblock]::Create($Package['SecondResponder.Windows.psm1']))

if ($ComputerName.Count -eq 0) {
    if ($RestartWinRM -and (Get-Variable -Name PSSenderInfo -ErrorAction SilentlyContinue)) {
        throw 'This is a remote session: it would end during the restart, and WinRM would stay stopped. Run this on the server itself, or from another one with -ComputerName.'
    }
    $answer = Invoke-Here
    # On another server, the calling script handles the restart.
    if (-not $sent) { Complete-Restart $answer '.' }
    return $answer
}

# Runs this script on another server as text, with its files as texts: nothing has to be copied first, and -WhatIf leaves nothing behind.
$given = @{ Package = $Package; WhatIf = [bool] $WhatIfPreference }
foreach ($name in 'Account', 'Services', 'Scripts', 'Transcripts') { if ($PSBoundParameters.ContainsKey($name)) { $given[$name] = $PSBoundParameters[$name] } }
# A switch is not a switch any more after remoting.
foreach ($name in 'ObserveOnly', 'AllowDomainController', 'Uninstall') { if ($PSBoundParameters.ContainsKey($name)) { $given[$name] = [bool] $PSBoundParameters[$name] } }
$failed = @()
foreach ($server in @($ComputerName | ForEach-Object { $_.Split(',') } | ForEach-Object { $_.Trim() })) {
    try {
        $answer = Invoke-Command -ComputerName $server -ScriptBlock { param($text, $given) & ([scriptblock]::Create($text)) @given } -ArgumentList $Package[$Script], $given
        Complete-Restart $answer $server
        $answer
    } catch {
        $failed += $server
        Write-Error "${server}: $($_.Exception.Message)" -ErrorAction Continue
    }
}
if ($failed.Count -gt 0) { throw "Failed on $($failed -join ', ')." }
