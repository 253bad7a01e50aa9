<#
.SYNOPSIS
Replaces the cmdlets of the module ActiveDirectory that New-SecondResponderAccount.ps1 uses. The state is in directory.json of the test.

.DESCRIPTION
As in some versions, creating an account ignores the requested encryption types.
#>
$ErrorActionPreference = 'Stop'

function Read-Directory { [IO.File]::ReadAllText("$env:JEA_SITE/directory.json") | ConvertFrom-Json }
function Edit-Directory {
    param([string] $Command, $Parameters, [scriptblock] $Do)
    $state = Read-Directory
    & $Do $state
    [IO.File]::WriteAllText("$env:JEA_SITE/directory.json", (ConvertTo-Json -InputObject $state -Depth 6))
    $given = [ordered] @{}
    foreach ($name in $Parameters.Keys) { if ($name -notin 'Confirm', 'Description') { $given[$name] = $Parameters[$name] } }
    Write-Call $Command $given
}

function Get-Dn { param([string] $Name) "CN=$Name,DC=contoso,DC=com" }
function Find-By {
    param($In, [string] $Filter)
    if ($Filter -notmatch "^(Name|SamAccountName) -eq '((?:[^']|'')*)'$") { throw "This filter is not supported: $Filter" }
    $property, $value = $Matches[1], $Matches[2].Replace("''", "'")
    @($In | Where-Object { $_.$property -eq $value })
}

function Get-KdsRootKey { [CmdletBinding()] param() foreach ($time in (Read-Directory).rootKeys) { [pscustomobject] @{ EffectiveTime = [DateTime] $time } } }
function Get-ADDomain { [CmdletBinding()] param() [pscustomobject] @{ DNSRoot = 'contoso.com'; NetBIOSName = 'CONTOSO' } }
function Get-ADComputer {
    [CmdletBinding()] param([string] $Filter)
    foreach ($one in Find-By (Read-Directory).computers $Filter) { [pscustomobject] @{ Name = $one.Name; DistinguishedName = Get-Dn $one.Name } }
}
function Get-ADGroup {
    [CmdletBinding()] param([string] $Filter, [string[]] $Properties)
    foreach ($one in Find-By (Read-Directory).groups $Filter) {
        [pscustomobject] @{ Name = $one.Name; DistinguishedName = Get-Dn $one.Name; SID = $one.SID; GroupScope = $one.Scope; GroupCategory = 'Security' }
    }
}
function Get-ADGroupMember {
    [CmdletBinding()] param([string] $Identity)
    foreach ($one in (Read-Directory).groups) { if ((Get-Dn $one.Name) -eq $Identity) { foreach ($name in $one.Members) { [pscustomobject] @{ SamAccountName = $name } } } }
}
function Get-ADServiceAccount {
    [CmdletBinding()] param([string] $Filter, [string[]] $Properties)
    foreach ($one in Find-By (Read-Directory).accounts $Filter) {
        [pscustomobject] @{
            Name = $one.Name; SamAccountName = $one.SamAccountName; DistinguishedName = Get-Dn $one.Name
            PrincipalsAllowedToRetrieveManagedPassword = @($one.Allowed); KerberosEncryptionType = $one.Types
        }
    }
}
function Find-Sam { param([string] $Dn) @((Read-Directory).accounts | Where-Object { (Get-Dn $_.Name) -eq $Dn })[0].SamAccountName }

function New-ADGroup {
    [CmdletBinding()] param([string] $Name, [string] $SamAccountName, [string] $GroupScope, [string] $GroupCategory, [string] $Description)
    Edit-Directory New-ADGroup $PSBoundParameters { param($state) $state.groups = @($state.groups) + @{ Name = $Name; Scope = $GroupScope; SID = 'S-1-5-21-1-2-3-2000'; Members = @() } }
}
function Remove-ADGroup {
    [CmdletBinding()] param([string] $Identity, [switch] $Confirm)
    Edit-Directory Remove-ADGroup $PSBoundParameters { param($state) $state.groups = @($state.groups | Where-Object { (Get-Dn $_.Name) -ne $Identity }) }
}
function Add-ADGroupMember {
    [CmdletBinding()] param([string] $Identity, [string[]] $Members)
    Edit-Directory Add-ADGroupMember $PSBoundParameters {
        param($state)
        foreach ($one in $state.groups) { if ((Get-Dn $one.Name) -eq $Identity) { $one.Members = @($one.Members) + @($Members | ForEach-Object { Find-Sam $_ }) } }
    }
}
function Remove-ADGroupMember {
    [CmdletBinding()] param([string] $Identity, [string[]] $Members, [switch] $Confirm)
    Edit-Directory Remove-ADGroupMember $PSBoundParameters {
        param($state)
        $sams = @($Members | ForEach-Object { Find-Sam $_ })
        foreach ($one in $state.groups) { if ((Get-Dn $one.Name) -eq $Identity) { $one.Members = @($one.Members | Where-Object { $sams -notcontains $_ }) } }
    }
}
function New-ADServiceAccount {
    [CmdletBinding()]
    param([string] $Name, [string] $SamAccountName, [string] $DNSHostName, [string[]] $PrincipalsAllowedToRetrieveManagedPassword, [string[]] $KerberosEncryptionType, [string] $Description)
    Edit-Directory New-ADServiceAccount $PSBoundParameters {
        param($state)
        $state.accounts = @($state.accounts) + @{ Name = $Name; SamAccountName = $SamAccountName; Allowed = $PrincipalsAllowedToRetrieveManagedPassword; Types = 'RC4, AES128, AES256'; Installed = @() }
    }
}
function Set-ADServiceAccount {
    [CmdletBinding()] param([string] $Identity, [string[]] $PrincipalsAllowedToRetrieveManagedPassword, [string[]] $KerberosEncryptionType)
    $given = $PSBoundParameters
    Edit-Directory Set-ADServiceAccount $given {
        param($state)
        $account = @($state.accounts | Where-Object { $_.SamAccountName -eq $Identity })[0]
        if ($given.ContainsKey('PrincipalsAllowedToRetrieveManagedPassword')) { $account.Allowed = $PrincipalsAllowedToRetrieveManagedPassword }
        if ($given.ContainsKey('KerberosEncryptionType')) { $account.Types = $KerberosEncryptionType -join ', ' }
    }
}
function Remove-ADServiceAccount {
    [CmdletBinding()] param([string] $Identity, [switch] $Confirm)
    Edit-Directory Remove-ADServiceAccount $PSBoundParameters { param($state) $state.accounts = @($state.accounts | Where-Object { $_.SamAccountName -ne $Identity }) }
}
function Install-ADServiceAccount {
    [CmdletBinding()] param([string] $Identity)
    Edit-Directory Install-ADServiceAccount $PSBoundParameters {
        param($state)
        $account = @($state.accounts | Where-Object { $_.SamAccountName -eq $Identity })[0]
        $account.Installed = @($account.Installed) + $env:COMPUTERNAME
    }
}
function Uninstall-ADServiceAccount {
    [CmdletBinding()] param([string] $Identity, [switch] $Confirm)
    Edit-Directory Uninstall-ADServiceAccount $PSBoundParameters { param($state) @($state.accounts | Where-Object { $_.SamAccountName -eq $Identity })[0].Installed = @() }
}
function Test-ADServiceAccount {
    [CmdletBinding()] param([string] $Identity)
    $state = Read-Directory
    $account = @($state.accounts | Where-Object { $_.SamAccountName -eq $Identity })
    -not $state.unfetchable -and $account.Count -gt 0 -and $account[0].Installed -contains $env:COMPUTERNAME
}
