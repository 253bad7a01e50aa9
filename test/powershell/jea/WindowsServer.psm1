<#
.SYNOPSIS
Replaces the cmdlets of Windows that Install-SecondResponderEndpoint.ps1 uses. A server is a folder; every changing call is recorded.

.DESCRIPTION
Follows public documentation and the source of PowerShell: an endpoint's configuration is copied, and the copy is named after endpoint
and GUID; a folder's rights are inherited by its contents; without -NoServiceRestart WinRM is restarted.
#>
$ErrorActionPreference = 'Stop'

function Read-State { [IO.File]::ReadAllText("$env:JEA_SITE/state.json") | ConvertFrom-Json }
function Get-ServerPath { param([string] $Name) [IO.Path]::Combine($env:JEA_SITE, $env:COMPUTERNAME, $Name) }

function Write-Call {
    param([string] $Command, $Parameters)
    $call = @{ command = $Command; server = $env:COMPUTERNAME; parameters = $Parameters }
    [IO.File]::AppendAllText("$env:JEA_SITE/calls.jsonl", (ConvertTo-Json -InputObject $call -Depth 4 -Compress) + "`n")
}

# ------------------------------------------------------------------------------------------------------------------ rights

function Read-Rights { if ([IO.File]::Exists("$env:JEA_SITE/rights.json")) { @([IO.File]::ReadAllText("$env:JEA_SITE/rights.json") | ConvertFrom-Json) } else { @() } }
<# When the file was created. .NET's creation time on Linux changes with the content. #>
function Get-Birth {
    param([string] $Path)
    if ([IO.Path]::DirectorySeparatorChar -eq '\') { "$(([IO.FileInfo] $Path).CreationTimeUtc.Ticks)" } else { & stat --format=%w $Path }
}

<# The rights of the path, or of the nearest parent folder that has any. A path that was deleted and created again has none. #>
function Find-Sddl {
    param([string] $Path)
    $rights = @(Read-Rights)
    for ($at = $Path; $at; $at = [IO.Path]::GetDirectoryName($at)) {
        foreach ($one in $rights) { if ($one.path -eq $at -and (-not $one.birth -or $one.birth -eq (Get-Birth $at))) { return $one.sddl } }
    }
    'O:SYD:(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICIIO;FA;;;S-1-3-0)'
}

function Get-Acl {
    [CmdletBinding()]
    param([string] $LiteralPath)
    if (-not [IO.File]::Exists($LiteralPath) -and -not [IO.Directory]::Exists($LiteralPath)) { throw "Cannot find path '$LiteralPath'." }
    $acl = [pscustomobject] @{ Sddl = Find-Sddl $LiteralPath }
    $acl | Add-Member ScriptMethod SetSecurityDescriptorSddlForm { param($sddl) $this.Sddl = $sddl }
    $acl | Add-Member ScriptMethod GetOwner {
        if ($this.Sddl -notmatch '^O:(S-[\d-]+|BA|SY)') { throw "No owner: $($this.Sddl)" }
        [pscustomobject] @{ Value = ConvertTo-Sid $Matches[1] }
    }
    $acl | Add-Member ScriptMethod GetAccessRules {
        foreach ($ace in [regex]::Matches($this.Sddl, '\((A|D);[A-Z]*;(\w+);;;([\w-]+)\)')) {
            $rights = $ace.Groups[2].Value
            [pscustomobject] @{
                AccessControlType = $(if ($ace.Groups[1].Value -eq 'A') { 'Allow' } else { 'Deny' })
                FileSystemRights  = $(if ($rights -eq 'FA') { 0x1f01ff } else { [int] $rights })
                IdentityReference = [pscustomobject] @{ Value = ConvertTo-Sid $ace.Groups[3].Value }
            }
        }
    }
    $acl
}

function ConvertTo-Sid {
    param([string] $Name)
    switch ($Name) { 'SY' { 'S-1-5-18' } 'BA' { 'S-1-5-32-544' } 'BU' { 'S-1-5-32-545' } default { $Name } }
}

function Set-Acl {
    [CmdletBinding()]
    param([string] $LiteralPath, $AclObject)
    Write-Call 'Set-Acl' @{ LiteralPath = $LiteralPath; Sddl = $AclObject.Sddl }
    $rights = @(@(Read-Rights) | Where-Object { $_.path -ne $LiteralPath }) + @{ path = $LiteralPath; sddl = $AclObject.Sddl; birth = Get-Birth $LiteralPath }
    [IO.File]::WriteAllText("$env:JEA_SITE/rights.json", (ConvertTo-Json -InputObject $rights -Depth 3))
}

# --------------------------------------------------------------------------------------------------------------- endpoints

function Get-Copies { if ([IO.Directory]::Exists((Get-ServerPath SessionConfig))) { @([IO.Directory]::GetFiles((Get-ServerPath SessionConfig))) } else { @() } }

function Get-PSSessionConfiguration {
    [CmdletBinding()]
    param([string] $Name)
    $copies = @(Get-Copies | Where-Object { [IO.Path]::GetFileName($_).StartsWith("${Name}_") })
    if ($copies.Count -eq 0) { Write-Error "No session configuration matches criteria ""$Name""."; return }
    [pscustomobject] @{ Name = $Name; ConfigFilePath = $copies[0]; RunAsVirtualAccount = 'True' }
}

function Register-PSSessionConfiguration {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string] $Name, [string] $Path, [switch] $Force, [switch] $NoServiceRestart)
    if (-not $Force) { throw 'It would prompt, but the session is not interactive.' }
    $content = Import-PowerShellDataFile -LiteralPath $Path
    foreach ($role in $content.RoleDefinitions.Keys) { if (-not (@((Read-State).accounts.name) -contains $role)) { throw "Could not resolve $role." } }
    [void] [IO.Directory]::CreateDirectory((Get-ServerPath SessionConfig))
    $copy = [IO.Path]::Combine((Get-ServerPath SessionConfig), "${Name}_$($content.GUID).pssc")
    if ([IO.File]::Exists($copy)) { throw 'Cannot create a WinRM plugin which already exists.' }
    [IO.File]::Copy($Path, $copy)
    Write-Call 'Register-PSSessionConfiguration' @{ Name = $Name }
    if (-not $NoServiceRestart) { Write-Call 'Restart-WinRM' @{ ComputerName = 'without warning' } }
    'WSManConfig'
}

function Unregister-PSSessionConfiguration {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string] $Name, [switch] $Force, [switch] $NoServiceRestart)
    if (-not $Force) { throw 'It would prompt, but the session is not interactive.' }
    foreach ($copy in Get-Copies) { [IO.File]::Delete($copy) }
    Write-Call 'Unregister-PSSessionConfiguration' @{ Name = $Name }
    if (-not $NoServiceRestart) { Write-Call 'Restart-WinRM' @{ ComputerName = 'without warning' } }
}

# ------------------------------------------------------------------------------------------------------------------ others

function Get-CimInstance {
    [CmdletBinding()]
    param([string] $ClassName)
    [pscustomobject] @{ ProductType = (Read-State).productType }
}

function Get-Service {
    [CmdletBinding()]
    param([string] $Name)
    $found = @((Read-State).services | Where-Object { $_ -eq $Name })
    if ($found.Count -eq 0) { Write-Error "Cannot find any service with service name '$Name'."; return }
    [pscustomobject] @{ Name = $found[0] }
}

function New-EventLog {
    [CmdletBinding()]
    param([string] $LogName, [string] $Source)
    [IO.File]::WriteAllText((Get-ServerPath "source $Source"), $LogName)
    Write-Call 'New-EventLog' $PSBoundParameters
}

function Remove-EventLog {
    [CmdletBinding()]
    param([string] $Source)
    [IO.File]::Delete((Get-ServerPath "source $Source"))
    Write-Call 'Remove-EventLog' $PSBoundParameters
}

<# Another server is another folder. Arguments and results are serialised as over remoting. #>
function Invoke-Command {
    [CmdletBinding()]
    param([string] $ComputerName, [scriptblock] $ScriptBlock, [object[]] $ArgumentList)
    if ((Read-State).down -contains $ComputerName) { throw "Connecting to remote server $ComputerName failed." }
    $here = $env:COMPUTERNAME, $env:ProgramFiles, $env:ProgramData
    try {
        Set-Server $ComputerName
        $sent = @($ArgumentList | ForEach-Object { [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($_, 3)) })
        # As text, because a remote session shares no state with this one.
        $answer = & ([scriptblock]::Create("$ScriptBlock")) @sent
        [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($answer))
    } finally { $env:COMPUTERNAME, $env:ProgramFiles, $env:ProgramData = $here }
}

function Set-Server {
    param([string] $Name)
    $env:COMPUTERNAME = $Name
    $env:ProgramFiles = Get-ServerPath 'Program Files'
    $env:ProgramData = Get-ServerPath 'ProgramData'
    [void] [IO.Directory]::CreateDirectory([IO.Path]::Combine($env:ProgramFiles, 'WindowsPowerShell', 'Modules'))
}
