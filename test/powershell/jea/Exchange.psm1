<#
.SYNOPSIS
Replaces the cmdlets of Exchange's role-based access control. The state is in exchange.json of the test; every changing call is recorded.

.DESCRIPTION
Parameters follow Microsoft's reference. It refuses what Exchange refuses: changes of a built-in role, a name of more than 64 characters, a command that
the parent does not have, and removing objects in use.
#>
$ErrorActionPreference = 'Stop'

function Read-Exchange { [IO.File]::ReadAllText("$env:JEA_SITE/exchange.json") | ConvertFrom-Json }
function Write-Exchange { param($State) [IO.File]::WriteAllText("$env:JEA_SITE/exchange.json", (ConvertTo-Json -InputObject $State -Depth 8)) }

function Write-ExchangeCall {
    param([string] $Command, $Parameters)
    $given = [ordered] @{}
    foreach ($name in $Parameters.Keys) { if ($name -notin 'Confirm', 'BypassSecurityGroupManagerCheck', 'Description', 'DomainController') { $given[$name] = $Parameters[$name] } }
    [IO.File]::AppendAllText("$env:JEA_SITE/calls.jsonl", (ConvertTo-Json -InputObject @{ command = $Command; server = ''; parameters = $given } -Depth 4 -Compress) + "`n")
}

function Find-One {
    param($In, [string] $Name, [string] $What)
    $found = @($In | Where-Object { $_.Name -eq $Name })
    if ($found.Count -eq 0) { throw "The $What ""$Name"" couldn't be found." }
    $found[0]
}

<# Applies and records a changing call. #>
function Edit-Exchange {
    param([string] $Command, $Noted, [scriptblock] $Do)
    if ($Noted.ContainsKey('Name') -and "$($Noted.Name)".Length -gt 64) { throw "The name is too long: $($Noted.Name)" }
    $state = Read-Exchange
    & $Do $state
    Write-Exchange $state
    Write-ExchangeCall $Command $Noted
}

# --------------------------------------------------------------------------------------------------------------------- roles

function Get-ManagementRole {
    [CmdletBinding()]
    param([string] $Identity = '*', [string] $Cmdlet, [string[]] $CmdletParameters, [string] $DomainController)
    foreach ($role in (Read-Exchange).roles) {
        if ($role.Name -notlike $Identity) { continue }
        if ($Cmdlet) {
            $entry = @($role.Entries | Where-Object { $_.Name -eq $Cmdlet })
            if ($entry.Count -eq 0) { continue }
            # The documentation does not say whether they must be in the same entry.
            $all = @($role.Entries | ForEach-Object { $_.Parameters })
            if (@($CmdletParameters | Where-Object { $_ -and $all -notcontains $_ }).Count -gt 0) { continue }
        }
        [pscustomobject] @{
            Name = $role.Name; Parent = $role.Parent; IsRootRole = -not $role.Parent; IsEndUserRole = $role.Name.StartsWith('My')
            RoleEntries = @($role.Entries | ForEach-Object { "(Microsoft.Exchange.Management.PowerShell.E2010) $($_.Name)" })
        }
    }
}

function New-ManagementRole {
    [CmdletBinding()]
    param([string] $Name, [string] $Parent, [string] $Description, [string] $DomainController)
    Edit-Exchange New-ManagementRole $PSBoundParameters {
        param($state)
        if (@($state.roles | Where-Object { $_.Name -eq $Name }).Count -gt 0) { throw "The role ""$Name"" already exists." }
        $from = Find-One $state.roles $Parent role
        $state.roles = @($state.roles) + @{ Name = $Name; Parent = $Parent; Entries = @($from.Entries) }
    }
    "a role"
}

function Remove-ManagementRole {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-ManagementRole $PSBoundParameters {
        param($state)
        if (-not (Find-One $state.roles $Identity role).Parent) { throw 'A built-in role can''t be removed.' }
        if (@($state.assignments | Where-Object { $_.Role -eq $Identity }).Count -gt 0) { throw "The role ""$Identity"" is still assigned." }
        $state.roles = @($state.roles | Where-Object { $_.Name -ne $Identity })
    }
}

function Split-Entry { param([string] $Identity) $at = $Identity.LastIndexOf('\'); $Identity.Substring(0, $at), $Identity.Substring($at + 1) }

function Get-ManagementRoleEntry {
    [CmdletBinding()]
    param([string] $Identity, [string] $DomainController)
    $roleName, $cmdlet = Split-Entry $Identity
    foreach ($role in (Read-Exchange).roles) {
        if ($role.Name -notlike $roleName) { continue }
        foreach ($entry in $role.Entries) { if ($entry.Name -like $cmdlet) { [pscustomobject] @{ Name = $entry.Name; Role = $role.Name; Parameters = @($entry.Parameters) } } }
    }
}

<# The role of an entry, which must be a custom role. #>
function Find-CustomRole {
    param($State, [string] $Identity)
    $name, $cmdlet = Split-Entry $Identity
    $role = Find-One $State.roles $name role
    if (-not $role.Parent) { throw "You can't change the entries of the built-in role ""$name""." }
    $role, $cmdlet
}

function Remove-ManagementRoleEntry {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-ManagementRoleEntry $PSBoundParameters {
        param($state)
        $role, $cmdlet = Find-CustomRole $state $Identity
        [void] (Find-One $role.Entries $cmdlet entry)
        $role.Entries = @($role.Entries | Where-Object { $_.Name -ne $cmdlet })
    }
}

function Add-ManagementRoleEntry {
    [CmdletBinding()]
    param([string] $Identity, [string] $DomainController)
    Edit-Exchange Add-ManagementRoleEntry $PSBoundParameters {
        param($state)
        $role, $cmdlet = Find-CustomRole $state $Identity
        $role.Entries = @($role.Entries) + (Find-One (Find-One $state.roles $role.Parent role).Entries $cmdlet entry)
    }
}

function Set-ManagementRoleEntry {
    [CmdletBinding()]
    param([string] $Identity, [string[]] $Parameters, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Set-ManagementRoleEntry $PSBoundParameters {
        param($state)
        $role, $cmdlet = Find-CustomRole $state $Identity
        $parents = (Find-One (Find-One $state.roles $role.Parent role).Entries $cmdlet entry).Parameters
        foreach ($name in $Parameters) { if ($parents -notcontains $name) { throw "The parent's entry has no parameter $name." } }
        (Find-One $role.Entries $cmdlet entry).Parameters = @($Parameters)
    }
}

# -------------------------------------------------------------------------------------------------------- scopes and assignments

function Get-ManagementScope {
    [CmdletBinding()]
    param([string] $DomainController)
    foreach ($scope in (Read-Exchange).scopes) { [pscustomobject] @{ Name = $scope.Name } }
}

function New-ManagementScope {
    [CmdletBinding()]
    param([string] $Name, [string[]] $ServerList, [string] $DomainController)
    Edit-Exchange New-ManagementScope $PSBoundParameters { param($state) $state.scopes = @($state.scopes) + @{ Name = $Name; Servers = $ServerList } }
    "a scope"
}

function Remove-ManagementScope {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-ManagementScope $PSBoundParameters {
        param($state)
        if (@($state.assignments | Where-Object { $_.Scope -eq $Identity }).Count -gt 0) { throw "The scope ""$Identity"" is still in use." }
        $state.scopes = @($state.scopes | Where-Object { $_.Name -ne $Identity })
    }
}

function Get-ManagementRoleAssignment {
    [CmdletBinding()]
    param([string] $Role, [string] $RoleAssignee, [string] $DomainController)
    $state = Read-Exchange
    if ($RoleAssignee) { try { [void] (Find-One $state.groups $RoleAssignee group) } catch { Write-Error "$_"; return } }
    foreach ($one in $state.assignments) {
        if (($Role -and $one.Role -ne $Role) -or ($RoleAssignee -and $one.Group -ne $RoleAssignee)) { continue }
        [pscustomobject] @{ Name = $one.Name; Role = $one.Role; RoleAssigneeName = $one.Group; CustomConfigWriteScope = $one.Scope }
    }
}

function New-ManagementRoleAssignment {
    [CmdletBinding()]
    param([string] $Role, [string] $SecurityGroup, [string] $CustomConfigWriteScope, [string] $DomainController)
    Edit-Exchange New-ManagementRoleAssignment $PSBoundParameters {
        param($state)
        [void] (Find-One $state.roles $Role role)
        [void] (Find-One $state.groups $SecurityGroup group)
        if ($CustomConfigWriteScope) { [void] (Find-One $state.scopes $CustomConfigWriteScope scope) }
        $name = "$Role-$SecurityGroup"
        if ($name.Length -gt 60) { $name = $name.Substring(0, 60) }
        while (@($state.assignments | Where-Object { $_.Name -eq $name }).Count -gt 0) { $name += '1' }
        $state.assignments = @($state.assignments) + @{ Name = $name; Role = $Role; Group = $SecurityGroup; Scope = $CustomConfigWriteScope }
    }
    "an assignment"
}

function Remove-ManagementRoleAssignment {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-ManagementRoleAssignment $PSBoundParameters {
        param($state)
        [void] (Find-One $state.assignments $Identity assignment)
        $state.assignments = @($state.assignments | Where-Object { $_.Name -ne $Identity })
    }
}

# ---------------------------------------------------------------------------------------------------------- groups and users

function Get-RoleGroup { [CmdletBinding()] param([string] $DomainController) foreach ($group in (Read-Exchange).groups) { [pscustomobject] @{ Name = $group.Name } } }

function New-RoleGroup {
    [CmdletBinding()]
    param([string] $Name, [string] $Description, [string] $DomainController)
    Edit-Exchange New-RoleGroup $PSBoundParameters { param($state) $state.groups = @($state.groups) + @{ Name = $Name; Members = @() } }
    "a group"
}

function Remove-RoleGroup {
    [CmdletBinding()]
    param([string] $Identity, [switch] $BypassSecurityGroupManagerCheck, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-RoleGroup $PSBoundParameters {
        param($state)
        if (@($state.assignments | Where-Object { $_.Group -eq $Identity }).Count -gt 0) { throw "The group ""$Identity"" still has roles." }
        $state.groups = @($state.groups | Where-Object { $_.Name -ne $Identity })
    }
}

function Find-Principal { param([string] $Identity) @((Read-Exchange).principals | Where-Object { $_.Name -eq $Identity.Split('\')[-1] }) }

function Get-RoleGroupMember {
    [CmdletBinding()]
    param([string] $Identity, [string] $DomainController)
    foreach ($name in (Find-One (Read-Exchange).groups $Identity group).Members) { [pscustomobject] @{ Name = $name; DistinguishedName = "CN=$name,DC=contoso,DC=com" } }
}

function Add-RoleGroupMember {
    [CmdletBinding()]
    param([string] $Identity, [string] $Member, [switch] $BypassSecurityGroupManagerCheck, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Add-RoleGroupMember $PSBoundParameters {
        param($state)
        $group = Find-One $state.groups $Identity group
        $name = (Find-Principal $Member)[0].Name
        if ($group.Members -contains $name) { throw 'It is already a member.' }
        $group.Members = @($group.Members) + $name
    }
}

function Remove-RoleGroupMember {
    [CmdletBinding()]
    param([string] $Identity, [string] $Member, [switch] $BypassSecurityGroupManagerCheck, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-RoleGroupMember $PSBoundParameters {
        param($state)
        $group = Find-One $state.groups $Identity group
        $group.Members = @($group.Members | Where-Object { $_ -ne (Find-Principal $Member)[0].Name })
    }
}

function Get-User {
    [CmdletBinding()]
    param([string] $Identity, [string] $DomainController)
    $found = @(Find-Principal $Identity | Where-Object { $_.kind -eq 'user' })
    if ($found.Count -eq 0) { Write-Error "The user ""$Identity"" couldn't be found."; return }
    [pscustomobject] @{ Name = $found[0].Name; DistinguishedName = "CN=$($found[0].Name),DC=contoso,DC=com"; RemotePowerShellEnabled = $found[0].remote }
}

function Get-Group {
    [CmdletBinding()]
    param([string] $Identity, [string] $DomainController)
    $found = @(Find-Principal $Identity | Where-Object { $_.kind -ne 'user' -and $_.kind -ne 'gmsa' })
    if ($found.Count -eq 0) { Write-Error "The group ""$Identity"" couldn't be found."; return }
    [pscustomobject] @{ Name = $found[0].Name; DistinguishedName = "CN=$($found[0].Name),DC=contoso,DC=com"; GroupType = $found[0].kind }
}

function Set-User {
    [CmdletBinding()]
    param([string] $Identity, [bool] $RemotePowerShellEnabled, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Set-User $PSBoundParameters { param($state) (Find-One $state.principals $Identity.Split('\')[-1] user).remote = $RemotePowerShellEnabled }
}

function Get-ExchangeServer {
    [CmdletBinding()]
    param([string] $Identity, [string] $DomainController)
    $found = @((Read-Exchange).servers | Where-Object { $_ -eq $Identity.Split('.')[0] })
    if ($found.Count -eq 0) { Write-Error "The server ""$Identity"" couldn't be found."; return }
    [pscustomobject] @{ Name = $found[0] }
}

# ---------------------------------------------------------------------------------------------------------------- throttling

function Get-ThrottlingPolicy {
    [CmdletBinding()]
    param([string] $DomainController)
    foreach ($policy in (Read-Exchange).policies) { [pscustomobject] @{ Name = $policy.Name; PowerShellMaxConcurrency = "$($policy.Sessions)" } }
}

function New-ThrottlingPolicy {
    [CmdletBinding()]
    param([string] $Name, [string] $ThrottlingPolicyScope, [int] $PowerShellMaxConcurrency, [string] $DomainController)
    Edit-Exchange New-ThrottlingPolicy $PSBoundParameters { param($state) $state.policies = @($state.policies) + @{ Name = $Name; Sessions = $PowerShellMaxConcurrency } }
    "a policy"
}

function Set-ThrottlingPolicy {
    [CmdletBinding()]
    param([string] $Identity, [int] $PowerShellMaxConcurrency, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Set-ThrottlingPolicy $PSBoundParameters { param($state) (Find-One $state.policies $Identity policy).Sessions = $PowerShellMaxConcurrency }
}

function Remove-ThrottlingPolicy {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Remove-ThrottlingPolicy $PSBoundParameters {
        param($state)
        if (@($state.principals | Where-Object { $_.policy -eq $Identity }).Count -gt 0) { throw "The policy ""$Identity"" is still bound." }
        $state.policies = @($state.policies | Where-Object { $_.Name -ne $Identity })
    }
}

function Get-ThrottlingPolicyAssociation {
    [CmdletBinding()]
    param([string] $Identity, [string] $ThrottlingPolicy, [string] $DomainController)
    $found = if ($Identity) { Find-Principal $Identity } else { @((Read-Exchange).principals | Where-Object { $_.policy -eq $ThrottlingPolicy }) }
    foreach ($one in $found) { [pscustomobject] @{ Identity = $one.Name; ThrottlingPolicyId = $one.policy } }
}

function Set-ThrottlingPolicyAssociation {
    [CmdletBinding()]
    param([string] $Identity, [string] $ThrottlingPolicy, [switch] $Confirm, [string] $DomainController)
    Edit-Exchange Set-ThrottlingPolicyAssociation $PSBoundParameters { param($state) (Find-One $state.principals $Identity.Split('\')[-1] user).policy = $ThrottlingPolicy }
}
