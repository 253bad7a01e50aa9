<#
.SYNOPSIS
Offers Second Responder what it needs of an Exchange server, and nothing else: installs the JEA endpoint "SecondResponder".

.DESCRIPTION
Run it elevated in Windows PowerShell 5.1 on an Exchange server, or anywhere as an administrator of the servers that are named with
-ComputerName; with -WhatIf first. It may be run again: what is as wanted is left alone, what has changed is brought up to date.

It puts the module SecondResponder with its role capability into %ProgramFiles%\WindowsPowerShell\Modules, writable for administrators only,
makes a folder for transcripts and a source in the Application log, and registers the endpoint for one account or group.

A new or changed endpoint counts from the next start of WinRM on, and a restart of WinRM ends every remote PowerShell session with the server.
So it is not restarted unless -RestartWinRM is given; otherwise the script says that it is due. New services and a new version of the module
need no restart: they count for every session that begins after.

.PARAMETER Account
Who may use the endpoint: a group or an account, such as 'CONTOSO\SecondResponder$' (a group managed service account). Nobody else may.

.PARAMETER Services
The services that may be restarted. What the daemon's own list (safety.services) holds beyond them, this server refuses. The default is the
default of that list.

.PARAMETER ObserveOnly
Offers the looks and no change.

.PARAMETER Uninstall
Takes the endpoint, the module and the log's source away. Transcripts stay: they are a record.

.PARAMETER ComputerName
The servers, over PowerShell remoting, one after another. Without it: this server.

.PARAMETER RestartWinRM
Restarts WinRM where the endpoint has changed. Every remote PowerShell session with that server ends.

.PARAMETER Transcripts
Where each session is recorded, %ProgramData%\SecondResponderTranscripts unless said otherwise. Nothing deletes what is there.

.PARAMETER AllowDomainController
Installs on a domain controller too. There the endpoint's virtual account is a Domain Admin.

.PARAMETER Package
What the script hands to itself on another server: the files beside it, as text.

.EXAMPLE
.\Install-SecondResponderEndpoint.ps1 -Account 'CONTOSO\SecondResponder$' -ComputerName ex1, ex2 -WhatIf

.EXAMPLE
.\Install-SecondResponderEndpoint.ps1 -Account 'CONTOSO\SecondResponder$' -ComputerName ex1, ex2 -RestartWinRM

.EXAMPLE
.\Install-SecondResponderEndpoint.ps1 -Uninstall -ComputerName ex1, ex2

.OUTPUTS
For each server what was done, and whether WinRM has to be restarted.
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Install')]
param(
    [Parameter(ParameterSetName = 'Install', Mandatory = $true)] [string] $Account,
    [Parameter(ParameterSetName = 'Install')]
    [string[]] $Services = @('MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE'),
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
# Default services that a server may lack: in 2013 the front end and the back end may be on different servers.
$MayBeMissing = 'MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE'
$TooMany = @{
    'S-1-1-0'      = 'everyone'
    'S-1-5-2'      = 'everyone who comes over the network'
    'S-1-5-4'      = 'everyone who is logged on'
    'S-1-5-7'      = 'everyone without a name'
    'S-1-5-11'     = 'everyone who has an account'
    'S-1-5-32-545' = 'all users'
}

# SYSTEM, Administrators, TrustedInstaller, and CREATOR OWNER, who is one of these.
$Trusted = 'S-1-5-18', 'S-1-5-32-544', 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464', 'S-1-3-0'
# Any right with which one changes a file, a folder, or who may: write, append, attributes, delete, permissions, owner, and the general ones.
$WriteRights = 0x2 -bor 0x4 -bor 0x10 -bor 0x40 -bor 0x100 -bor 0x10000 -bor 0x40000 -bor 0x80000 -bor 0x40000000 -bor 0x10000000
# Owner Administrators; SYSTEM and Administrators do everything, Users read and run, and nothing is inherited from above.
$AdministratorsWrite = 'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)'
$AdministratorsOnly = 'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'

$Modules = [IO.Path]::Combine("$env:ProgramFiles", 'WindowsPowerShell', 'Modules')
$Folder = [IO.Path]::Combine($Modules, 'SecondResponder')
$Capabilities = [IO.Path]::Combine($Folder, 'RoleCapabilities')
$Changes = [Collections.Generic.List[string]]::new()

# ------------------------------------------------------------------------------------------------------------- what is wanted

function Read-Package {
    $files = @{}
    foreach ($name in 'SecondResponder.psd1', 'SecondResponder.psrc', 'SecondResponder.Observe.psrc', 'SecondResponder.pssc', 'SecondResponder.Windows.psm1', $Script) {
        $files[$name] = [IO.File]::ReadAllText([IO.Path]::Combine($PSScriptRoot, $name))
    }
    # Beside this script where somebody has put it there, otherwise where it is in deploy.
    $name = 'SecondResponder.Target.psm1'
    $at = @([IO.Path]::Combine($PSScriptRoot, $name), [IO.Path]::Combine($PSScriptRoot, '..', 'powershell', $name)) | Where-Object { [IO.File]::Exists($_) }
    if (-not $at) { throw "$name is neither beside this script nor in ..\powershell: copy the folder deploy as a whole." }
    $files[$name] = [IO.File]::ReadAllText(@($at)[0])
    $files
}

<# The text with one part of it replaced, which must be there once. #>
function Set-Part {
    param([string] $Text, [string] $Part, [string] $With)
    $at = $Text.IndexOf($Part, [StringComparison]::Ordinal)
    if ($at -lt 0 -or $Text.IndexOf($Part, $at + 1, [StringComparison]::Ordinal) -ge 0) { throw "This is not the file it was: $Part should be in it once." }
    $Text.Substring(0, $at) + $With + $Text.Substring($at + $Part.Length)
}

<# A value as it stands between single quotes. #>
function Get-Quoted {
    param([string] $Value)
    [Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($Value)
}

<# The files of the module, by their path in its folder. #>
function Get-WantedFile {
    param([string] $Who, [string[]] $May)
    $role = if ($ObserveOnly) { 'SecondResponder.Observe' } else { 'SecondResponder' }
    $capability = $Package["$role.psrc"]
    if (-not $ObserveOnly) {
        if ($capability -notmatch '(?m)^ *ValidateSet = .*$') { throw 'There is no ValidateSet in SecondResponder.psrc.' }
        $set = @($May | ForEach-Object { "'$(Get-Quoted $_)'" }) -join ', '
        $capability = Set-Part $capability $Matches[0].Trim() "ValidateSet = $set"
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
    if (-not (Test-Elevated)) { throw "This changes what is offered by $(Get-ServerName), and wants an administrator: start Windows PowerShell with ""Run as administrator""." }
    if (-not (Test-WindowsPowerShell)) { throw 'PowerShell 7 would register an endpoint of its own: run this in Windows PowerShell 5.1 (powershell.exe).' }
}

function Get-ServerName { $env:COMPUTERNAME }

function Get-CheckedAccount {
    $who = Resolve-Account $Account
    if (-not $who) {
        throw "There is no account or group ""$Account"". Write it as DOMAIN\name; the name of a managed service account or a computer ends with a dollar sign, and stands between single quotes here."
    }
    $crowd = $TooMany[$who.Sid]
    if ($who.Sid -match '-513$') { $crowd = 'all users of the domain' }
    if ($who.Sid -match '-515$') { $crowd = 'all computers of the domain' }
    if ($crowd) { throw "$($who.Name) is $crowd. Name the account of the daemon, or a group that holds nothing else." }
    $who.Name
}

function Get-CheckedService {
    $checked = @()
    # With powershell.exe -File a list arrives as one text.
    foreach ($name in @($Services | ForEach-Object { $_.Split(',') } | ForEach-Object { $_.Trim() })) {
        if ($name -notmatch '\A[A-Za-z0-9][A-Za-z0-9$_.-]*\z') {
            throw "This is no name of a service: ""$name"". Give the name and not the display name: Get-Service lists both. Patterns are not taken."
        }
        if ($checked -notcontains $name) { $checked += $name }
    }
    if ($ObserveOnly) { return $checked }
    $here = @($checked | Where-Object { @(Get-Service -Name $_ -ErrorAction SilentlyContinue).Count -gt 0 })
    if ($here.Count -eq 0) { throw "$(Get-ServerName) has none of these services: $($checked -join ', '). Is it an Exchange server?" }
    $unknown = @($checked | Where-Object { $here -notcontains $_ -and $MayBeMissing -notcontains $_ })
    if ($unknown.Count -gt 0) {
        throw "$(Get-ServerName) has no service $($unknown -join ', '). Get-Service lists the names. Where servers differ, run this for each kind with its own -Services."
    }
    $checked
}

function Assert-Transcripts {
    if (-not [IO.Path]::IsPathRooted($Transcripts)) { throw "-Transcripts must be a whole path, such as D:\Transcripts, and not ""$Transcripts""." }
}

function Assert-NoDomainController {
    # 2 is a domain controller, 3 another server, 1 a workstation.
    if ((Get-CimInstance -ClassName Win32_OperatingSystem).ProductType -ne 2 -or $AllowDomainController) { return }
    throw "$(Get-ServerName) is a domain controller: the endpoint's virtual account would be a Domain Admin there. If that is meant, add -AllowDomainController."
}

<# Who may write there besides administrators, by SID. #>
function Get-OtherWriter {
    param([string] $Path)
    $acl = Get-Acl -LiteralPath $Path
    $others = @($acl.GetOwner([Security.Principal.SecurityIdentifier]).Value)
    foreach ($rule in $acl.GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
        if ("$($rule.AccessControlType)" -eq 'Allow' -and ([int] $rule.FileSystemRights -band $WriteRights) -ne 0) { $others += $rule.IdentityReference.Value }
    }
    @($others | Where-Object { $Trusted -notcontains $_ } | Select-Object -Unique)
}

<# Whoever may write above the module can put another in its place. That folder is not ours to mend. #>
function Assert-SafePlace {
    if (-not [IO.Directory]::Exists($Modules)) { return }
    $others = @(Get-OtherWriter $Modules)
    if ($others.Count -eq 0) { return }
    throw "$Modules can be written to by $($others -join ', '), who could put another module there and have it run as an administrator. Take that right away, and run this again."
}

<# Whatever is in the folder and is none of the module's files would be somebody else's, or a trap. #>
function Assert-NoForeignFile {
    if (-not [IO.Directory]::Exists($Folder)) { return }
    $known = 'SecondResponder.psd1', 'SecondResponder.Target.psm1', 'SecondResponder.pssc', 'SecondResponder.psrc', 'SecondResponder.Observe.psrc', 'RoleCapabilities'
    $foreign = @([IO.Directory]::GetFileSystemEntries($Folder, '*', 'AllDirectories') | Where-Object { $known -notcontains [IO.Path]::GetFileName($_) })
    if ($foreign.Count -gt 0) { throw "There is what this script did not put there: $($foreign -join ', '). Look at it, delete it, and run this again." }
}

<# The endpoint as it is registered; nothing where it is not. One of this name that is not ours stops everything. #>
function Get-Registered {
    $registered = Get-PSSessionConfiguration -Name $Endpoint -ErrorAction SilentlyContinue
    if (-not $registered) { return }
    $property = $registered.PSObject.Properties['ConfigFilePath']
    $file = if ($property) { [string] $property.Value } else { '' }
    if ($Package['SecondResponder.pssc'] -notmatch "GUID += '([0-9a-f-]+)'") { throw 'There is no GUID in SecondResponder.pssc.' }
    # Windows names its copy of the configuration after the endpoint and the GUID.
    if (-not $file.Contains($Matches[1])) {
        throw "There is an endpoint ""$Endpoint"" that this script did not make: $file. If nobody needs it: Unregister-PSSessionConfiguration -Name $Endpoint"
    }
    @{ File = $file }
}

# -------------------------------------------------------------------------------------------------------------------- changes

<# Does one thing and remembers it. In a rehearsal (-WhatIf) it only says so. #>
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
        # What they have written can't be told from what we have; a file may have rights of its own.
        if ($others.Count -gt 0) {
            $isNew = $true
            Invoke-Change $Folder "delete, as $($others -join ', ') could write to it" { [IO.Directory]::Delete($Folder, $true) }
        }
    }
    if ($isNew) {
        Invoke-Change $Folder 'create, writable for administrators only' {
            [void] [IO.Directory]::CreateDirectory($Folder)
            Protect-Folder $Folder $AdministratorsWrite
        }
    }
    if (-not $isNew -and [IO.Directory]::Exists($Capabilities)) {
        foreach ($file in [IO.Directory]::GetFiles($Capabilities)) {
            # The other role capability, of a time when it was wanted.
            if (-not $Files.ContainsKey("RoleCapabilities/$([IO.Path]::GetFileName($file))")) { Invoke-Change $file 'delete' { [IO.File]::Delete($file) } }
        }
    }
    foreach ($name in @($Files.Keys | Sort-Object)) {
        $path = [IO.Path]::Combine($Folder, $name)
        # As a new file, not as a copy: a copy would take along the mark of having come from the internet.
        if (-not $isNew -and (Read-Text $path) -ceq $Files[$name]) { continue }
        Invoke-Change $path 'write' {
            [void] [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($path))
            # Windows PowerShell takes a file without a mark for one in the system's own code page; an account may have any name.
            [IO.File]::WriteAllText($path, $Files[$name], [Text.UTF8Encoding]::new($Files[$name] -match '[^\x00-\x7f]'))
        }
    }
}

function Install-Record {
    $others = @(if ([IO.Directory]::Exists($Transcripts)) { Get-OtherWriter $Transcripts })
    # Any user may make folders in %ProgramData%, so one of this name may be there, and be theirs.
    if ($others.Count -gt 0) { Invoke-Change $Transcripts "keep for administrators, as $($others -join ', ') could write to it" { Protect-Folder $Transcripts $AdministratorsOnly } }
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
        Invoke-Change "endpoint $Endpoint" 'unregister, to register it anew' { [void] (Unregister-PSSessionConfiguration -Name $Endpoint -Force -NoServiceRestart) }
    }
    # -Force alone would restart WinRM without a word.
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

<# All of it, on the server that this runs on. #>
function Invoke-Here {
    Assert-Administrator
    $answer = [ordered] @{ Server = Get-ServerName; Endpoint = $Endpoint; State = 'unchanged'; Account = ''; Services = ''; Changes = @(); RestartWinRM = '' }
    if ($Uninstall) {
        Uninstall-Endpoint
    } else {
        $answer.Account = Get-CheckedAccount
        $may = @(Get-CheckedService)
        $answer.Services = if ($ObserveOnly) { 'none: it looks only' } else { $may -join ', ' }
        Assert-Transcripts
        Assert-NoDomainController
        Assert-SafePlace
        Assert-NoForeignFile
        [void] (Get-Registered)
        $files = Get-WantedFile $answer.Account $may
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
    Write-Warning "The change of the endpoint on $server counts once WinRM has been restarted there, or the server. That ends every remote PowerShell session with it. At a time that suits, at the server itself: Restart-Service WinRM"
}

$ScriptCmdlet = $PSCmdlet
$sent = $Package.Count -gt 0
if (-not $sent) { $Package = Read-Package }
$null = New-Module -Name SecondResponder.Windows -ScriptBlock ([scriptblock]::Create($Package['SecondResponder.Windows.psm1']))

if ($ComputerName.Count -eq 0) {
    if ($RestartWinRM -and (Get-Variable -Name PSSenderInfo -ErrorAction SilentlyContinue)) {
        throw 'This is a remote session: it would end in the middle of the restart, and WinRM would stay stopped. Run this at the server itself, or from another with -ComputerName.'
    }
    $answer = Invoke-Here
    # Whoever has sent this sees to the restart.
    if (-not $sent) { Complete-Restart $answer '.' }
    return $answer
}

# On another server this same script runs, as text, with its files as texts: nothing has to be copied first, and a rehearsal leaves nothing behind.
$given = @{ Package = $Package; WhatIf = [bool] $WhatIfPreference }
foreach ($name in 'Account', 'Services', 'Transcripts') { if ($PSBoundParameters.ContainsKey($name)) { $given[$name] = $PSBoundParameters[$name] } }
# A switch does not survive the way there as one.
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
if ($failed.Count -gt 0) { throw "Not done on $($failed -join ', ')." }
