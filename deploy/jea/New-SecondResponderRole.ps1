<#
.SYNOPSIS
Grants the account of Second Responder only the Exchange cmdlets that it uses, with management roles and a role group.

.DESCRIPTION
Run it in the Exchange Management Shell as a member of Organization Management, first with -WhatIf. You can run it again: it only changes what is out
of date.

The built-in role that contains a cmdlet differs between versions, so the script queries Exchange (Get-ManagementRole -Cmdlet) and takes the role with
the fewest entries. It creates a child of it, "Second Responder look - ..." or "Second Responder act - ...", and removes every entry from the child
that is not in the lists below. The three cmdlets that change something keep only the parameters listed here. The "act" roles are assigned to the role
group "Second Responder", limited to the servers in -ServerScope; the "look" roles are assigned to "Second Responder (observe)" too.

A member must be a user or a universal security group to Exchange. A group managed service account is neither: Add-RoleGroupMember and Set-User do not
find it, and its remote PowerShell can't be switched on or off. Add it to a universal security group and name that group
(New-SecondResponderAccount.ps1 creates one). Public documentation does not confirm that Exchange then accepts it over remote PowerShell, and some
report that it does not: test it under the account before you rely on it (docs/exchange.md). An ordinary service account is the documented way.

.PARAMETER Member
Users or universal security groups that get these rights.

.PARAMETER ServerScope
Servers that may be changed. Default: all. Reads are not limited.

.PARAMETER ObserveOnly
Creates the role group "Second Responder (observe)", which can only read. Removes its members from the other group.

.PARAMETER ParentRole
Built-in roles to use instead of those found, by cmdlet, such as @{ 'Set-ImapSettings' = 'POP3 and IMAP4 Protocols' }.

.PARAMETER MaxConcurrency
Maximum number of concurrent remote PowerShell sessions: creates a throttling policy "Second Responder" and binds it to the members that are users.
Default: Exchange's own limit. The daemon uses one session for reads and one for each change in progress.

.PARAMETER DomainController
Domain controller to read from and write to.

.PARAMETER Remove
Removes both role groups, the roles, the scopes and the throttling policy. Does not change whether members may use remote PowerShell.

.EXAMPLE
.\New-SecondResponderRole.ps1 -Member 'CONTOSO\svc-responder' -ObserveOnly -WhatIf

.EXAMPLE
.\New-SecondResponderRole.ps1 -Member 'CONTOSO\Second Responder Daemon' -ServerScope ex1, ex2

.EXAMPLE
.\New-SecondResponderRole.ps1 -Remove

.OUTPUTS
Each object, and what was changed.
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Make')]
param(
    [Parameter(ParameterSetName = 'Make', Mandatory = $true)] [string[]] $Member,
    [Parameter(ParameterSetName = 'Make')] [string[]] $ServerScope = @(),
    [Parameter(ParameterSetName = 'Make')] [switch] $ObserveOnly,
    [Parameter(ParameterSetName = 'Make')] [hashtable] $ParentRole = @{},
    [Parameter(ParameterSetName = 'Make')] [ValidateRange(0, 100)] [int] $MaxConcurrency = 0,
    [Parameter(ParameterSetName = 'Remove', Mandatory = $true)] [switch] $Remove,
    [string] $DomainController = ''
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Cmdlets that the daemon calls to read. Invoke-MonitoringProbe runs a probe of Managed Availability, which logs on and changes nothing.
$Looks = @(
    'Get-ExchangeServer'
    'Get-DatabaseAvailabilityGroup'
    'Get-ServerHealth'
    'Invoke-MonitoringProbe'
    'Get-MailboxDatabaseCopyStatus'
    'Get-MailboxDatabase'
    'Get-MailboxServer'
    'Get-ImapSettings'
    'Get-PopSettings'
    'Get-ServerComponentState'
)
# Cmdlets that it calls to change something, with the parameters that it requires.
$Acts = [ordered] @{
    'Set-MailboxServer' = @('Identity', 'DatabaseCopyActivationDisabledAndMoveNow', 'DomainController')
    'Set-ImapSettings'  = @('Server', 'ProtocolLogEnabled', 'DomainController')
    'Set-PopSettings'   = @('Server', 'ProtocolLogEnabled', 'DomainController')
}
# Common parameters, which grant no further rights. Without them, Exchange refuses a command with -ErrorAction or -Confirm.
$Common = 'Confirm', 'Debug', 'ErrorAction', 'ErrorVariable', 'OutBuffer', 'OutVariable', 'Verbose', 'WarningAction', 'WarningVariable', 'WhatIf'

$Ours = 'Second Responder'
$ActingGroup = $Ours
$ObservingGroup = "$Ours (observe)"
$LookRole = "$Ours look - "
$ActRole = "$Ours act - "
$Scope = "$Ours servers "

$ScriptCmdlet = $PSCmdlet
$Dc = @{}
if ($DomainController) { $Dc.DomainController = $DomainController }
$Rows = [ordered] @{}

# -------------------------------------------------------------------------------------------------------------------- helpers

<# Makes one change and records it. With -WhatIf it only prints and records it. #>
function Invoke-Change {
    param([string] $Target, [string] $Action, [scriptblock] $Do)
    if ($ScriptCmdlet.ShouldProcess($Target, $Action)) { & $Do } elseif (-not $WhatIfPreference) { return }
    Add-Row $Target $Action
}

function Add-Row {
    param([string] $Target, [string] $Action = '')
    if (-not $Rows.Contains($Target)) { $Rows[$Target] = @() }
    if ($Action) { $Rows[$Target] += $Action }
}

<# A property of an object, or nothing: objects from another server may lack properties. #>
function Read-Property {
    param($Of, [string] $Name)
    $property = $Of.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

<# The last part of a name that may be a directory path. #>
function Get-LastPart { param($Text) "$Text".Split('/\')[-1] }

function Get-OurRole { @(Get-ManagementRole @Dc | Where-Object { $_.Name.StartsWith($LookRole, 'OrdinalIgnoreCase') -or $_.Name.StartsWith($ActRole, 'OrdinalIgnoreCase') }) }
function Find-Group { param([string] $Name) @(Get-RoleGroup @Dc | Where-Object { $_.Name -eq $Name }) }
function Find-Scope { @(Get-ManagementScope @Dc | Where-Object { $_.Name.StartsWith($Scope, 'OrdinalIgnoreCase') }) }
function Find-Policy { @(Get-ThrottlingPolicy @Dc | Where-Object { $_.Name -eq $Ours }) }
function Get-GroupMember { param([string] $Group) @(Get-RoleGroupMember -Identity $Group @Dc) }

# --------------------------------------------------------------------------------------------------------------------- checks

function Assert-Shell {
    $missing = @('Get-ManagementRole', 'New-ManagementRole', 'New-RoleGroup', 'New-ManagementRoleAssignment') | Where-Object { -not (Get-Command -Name $_ -ErrorAction SilentlyContinue) }
    if (@($missing).Count -eq 0) { return }
    throw "$(@($missing)[0]) is not available. Run this in the Exchange Management Shell as a member of Organization Management: the cmdlet is hidden from others."
}

<# The user or group of a member in Exchange. #>
function Resolve-Member {
    param([string] $Name)
    $user = Get-User -Identity $Name -ErrorAction SilentlyContinue @Dc
    if ($user) { return @{ Given = $Name; Name = $user.Name; Dn = $user.DistinguishedName; User = $user } }
    $group = Get-Group -Identity $Name -ErrorAction SilentlyContinue @Dc
    if (-not $group) {
        throw "Exchange has no user or group ""$Name"". A group managed service account is neither: add it to a universal security group and name the group (New-SecondResponderAccount.ps1)."
    }
    $type = "$(Read-Property $group GroupType)"
    if ($type -notmatch 'Universal' -or $type -notmatch 'SecurityEnabled') {
        throw "The group ""$Name"" is not a universal security group ($type), which a role group requires: Set-ADGroup -Identity '$($group.Name)' -GroupScope Universal -GroupCategory Security"
    }
    @{ Given = $Name; Name = $group.Name; Dn = $group.DistinguishedName; User = $null }
}

function Resolve-Server {
    param([string] $Name)
    $server = Get-ExchangeServer -Identity $Name -ErrorAction SilentlyContinue @Dc
    if (-not $server) { throw "There is no Exchange server ""$Name"". Get-ExchangeServer lists them." }
    "$($server.Name)".ToUpperInvariant()
}

<# The built-in role with the fewest entries that has the cmdlet with these parameters. #>
function Find-Parent {
    param([string] $Cmdlet, [string[]] $Parameters)
    $asked = @{ Cmdlet = $Cmdlet }
    if ($Parameters) { $asked.CmdletParameters = $Parameters }
    if ($ParentRole.ContainsKey($Cmdlet)) { $asked.Identity = $ParentRole[$Cmdlet] }
    # Not the roles that this script created, and not end-user roles.
    $roles = @(Get-ManagementRole @asked @Dc | Where-Object { (Read-Property $_ IsRootRole) -ne $false -and (Read-Property $_ IsEndUserRole) -ne $true -and -not $_.Name.StartsWith($Ours) })
    foreach ($role in @($roles | Sort-Object -Property @{ Expression = { @($_.RoleEntries).Count } }, Name)) {
        $entry = @(Get-ManagementRoleEntry -Identity "$($role.Name)\$Cmdlet" @Dc)
        if ($entry.Count -ne 1) { continue }
        if (@($Parameters | Where-Object { @($entry[0].Parameters) -notcontains $_ }).Count -eq 0) { return $role.Name }
    }
}

<# The roles to create, by name: the parent of each and the cmdlets that it keeps. #>
function Get-WantedRole {
    $wanted = [ordered] @{}
    $missing = @()
    $kinds = @(@{ Role = $LookRole; Cmdlets = $Looks })
    if (-not $ObserveOnly) { $kinds += @{ Role = $ActRole; Cmdlets = @($Acts.Keys) } }
    foreach ($kind in $kinds) {
        foreach ($cmdlet in $kind.Cmdlets) {
            $parameters = @(if ($Acts.Contains($cmdlet)) { $Acts[$cmdlet] })
            $parent = Find-Parent $cmdlet $parameters
            if (-not $parent) { $missing += "$cmdlet $(@($parameters | ForEach-Object { "-$_" }) -join ' ')".Trim(); continue }
            $name = $kind.Role + $parent
            # The maximum length in Exchange.
            if ($name.Length -gt 64) { $name = $name.Substring(0, 64).Trim() }
            if (-not $wanted.Contains($name)) { $wanted[$name] = @{ Parent = $parent; Cmdlets = @() } }
            $wanted[$name].Cmdlets += $cmdlet
        }
    }
    if ($missing.Count -gt 0) {
        throw "No built-in role has: $($missing -join '; '). Either this version of Exchange does not have it, or you cannot see the role: only members of Organization Management can. You can name a role with -ParentRole."
    }
    $wanted
}

# -------------------------------------------------------------------------------------------------------------------- changes

function Get-LimitText { param([string] $Cmdlet) "limit $Cmdlet to $(@($Acts[$Cmdlet] | ForEach-Object { "-$_" }) -join ', ')" }

function Update-Role {
    param([string] $Role, $Wanted)
    Add-Row "role $Role"
    $keeps = $Wanted.Cmdlets -join ', '
    if (@(Get-OurRole | Where-Object { $_.Name -eq $Role }).Count -eq 0) {
        Invoke-Change "role $Role" "create, from $($Wanted.Parent)" {
            [void] (New-ManagementRole -Name $Role -Parent $Wanted.Parent -Description 'Cmdlets that Second Responder uses. Created by New-SecondResponderRole.ps1.' @Dc)
        }
        # With -WhatIf the role does not exist, so its entries can't be read.
        if ($WhatIfPreference) {
            Invoke-Change "role $Role" "remove all commands except $keeps" { }
            foreach ($cmdlet in @($Wanted.Cmdlets | Where-Object { $Acts.Contains($_) })) { Invoke-Change "role $Role" (Get-LimitText $cmdlet) { } }
            return
        }
    }
    $entries = @(Get-ManagementRoleEntry -Identity "$Role\*" @Dc)
    $surplus = @($entries | Where-Object { $Wanted.Cmdlets -notcontains $_.Name })
    if ($surplus.Count -gt 0) {
        Invoke-Change "role $Role" "remove $($surplus.Count) commands and keep $keeps" {
            foreach ($entry in $surplus) { Remove-ManagementRoleEntry -Identity "$Role\$($entry.Name)" -Confirm:$false @Dc }
        }
    }
    foreach ($cmdlet in $Wanted.Cmdlets) {
        $entry = @($entries | Where-Object { $_.Name -eq $cmdlet })
        if ($entry.Count -eq 0) { Invoke-Change "role $Role" "add $cmdlet again" { Add-ManagementRoleEntry -Identity "$Role\$cmdlet" @Dc } }
        if (-not $Acts.Contains($cmdlet)) { continue }
        $stay = $Acts[$cmdlet] + $Common
        $wantedParameters = @(@(Get-ManagementRoleEntry -Identity "$($Wanted.Parent)\$cmdlet" @Dc)[0].Parameters | Where-Object { $stay -contains $_ } | Sort-Object)
        $parameters = @(if ($entry.Count -gt 0) { $entry[0].Parameters | Sort-Object })
        if (($parameters -join ' ') -ne ($wantedParameters -join ' ')) {
            Invoke-Change "role $Role" (Get-LimitText $cmdlet) {
                Set-ManagementRoleEntry -Identity "$Role\$cmdlet" -Parameters $wantedParameters -Confirm:$false @Dc
            }
        }
    }
}

<# Removes a role with all its assignments. #>
function Remove-Role {
    param([string] $Role)
    Invoke-Change "role $Role" 'remove' {
        foreach ($assignment in @(Get-ManagementRoleAssignment -Role $Role @Dc)) { Remove-ManagementRoleAssignment -Identity $assignment.Name -Confirm:$false @Dc }
        Remove-ManagementRole -Identity $Role -Confirm:$false @Dc
    }
}

<# The name of the scope for these servers: it contains a hash, because the list can be neither read from a scope nor changed. #>
function Get-ScopeName {
    param([string[]] $Servers)
    $sha = [Security.Cryptography.SHA256]::Create()
    try { $digest = $sha.ComputeHash([Text.Encoding]::UTF8.GetBytes(($Servers -join ' '))) } finally { $sha.Dispose() }
    $Scope + [BitConverter]::ToString($digest, 0, 4).Replace('-', '').ToLowerInvariant()
}

function Update-Scope {
    param([string[]] $Servers)
    $name = Get-ScopeName $Servers
    Add-Row "scope $name"
    if (@(Find-Scope | Where-Object { $_.Name -eq $name }).Count -eq 0) {
        Invoke-Change "scope $name" "create, for $($Servers -join ', ')" { [void] (New-ManagementScope -Name $name -ServerList $Servers @Dc) }
    }
    $name
}

<# Makes sure that the role is assigned to the group exactly once, with this scope. #>
function Update-Assignment {
    param([string] $Role, [string] $Group, [string] $Within)
    # With -WhatIf, role and group may not exist.
    $there = @(Get-ManagementRoleAssignment -Role $Role -RoleAssignee $Group -ErrorAction SilentlyContinue @Dc)
    $right = @($there | Where-Object { (Get-LastPart (Read-Property $_ CustomConfigWriteScope)) -eq $Within })
    $for = if ($Within) { ", for the servers of ""$Within""" } else { '' }
    if ($right.Count -eq 0) {
        Invoke-Change "group $Group" "assign $Role$for" {
            $how = @{ Role = $Role; SecurityGroup = $Group }
            if ($Within) { $how.CustomConfigWriteScope = $Within }
            [void] (New-ManagementRoleAssignment @how @Dc)
        }
    }
    foreach ($wrong in @($there | Where-Object { $right -notcontains $_ })) {
        Invoke-Change "group $Group" "remove the assignment ""$($wrong.Name)"", which has other servers" { Remove-ManagementRoleAssignment -Identity $wrong.Name -Confirm:$false @Dc }
    }
}

function Update-Group {
    param([string] $Group, [object[]] $Members)
    Add-Row "group $Group"
    $exists = @(Find-Group $Group).Count -gt 0
    if (-not $exists) {
        Invoke-Change "group $Group" 'create' { [void] (New-RoleGroup -Name $Group -Description 'Has the rights of the daemon Second Responder. Created by New-SecondResponderRole.ps1.' @Dc) }
    }
    $there = @(if ($exists) { Get-GroupMember $Group })
    foreach ($one in $Members) {
        if (Test-Member $there $one) { continue }
        Invoke-Change "group $Group" "add member $($one.Given)" { Add-RoleGroupMember -Identity $Group -Member $one.Given -BypassSecurityGroupManagerCheck -Confirm:$false @Dc }
    }
    $others = @($there | Where-Object { $it = $_; @($Members | Where-Object { Test-Member @($it) $_ }).Count -eq 0 } | ForEach-Object { $_.Name })
    if ($others.Count -gt 0) { Write-Warning "The role group ""$Group"" has other members, which are kept: $($others -join ', ')" }
}

function Test-Member {
    param([object[]] $There, $One)
    @($There | Where-Object { $dn = Read-Property $_ DistinguishedName; if ($dn) { $dn -eq $One.Dn } else { $_.Name -eq $One.Name } }).Count -gt 0
}

<# Members that may only read must not be in the acting group. #>
function Remove-FromActing {
    param([object[]] $Members)
    if (@(Find-Group $ActingGroup).Count -eq 0) { return }
    $there = @(Get-GroupMember $ActingGroup)
    foreach ($one in @($Members | Where-Object { Test-Member $there $_ })) {
        Invoke-Change "group $ActingGroup" "remove member $($one.Given)" { Remove-RoleGroupMember -Identity $ActingGroup -Member $one.Given -BypassSecurityGroupManagerCheck -Confirm:$false @Dc }
    }
}

function Update-User {
    param($One)
    if (-not $One.User) {
        Write-Warning "$($One.Given) is a group: check for each member whether it may use remote PowerShell (Get-User <name> | Format-List RemotePowerShellEnabled)."
        return
    }
    Add-Row "user $($One.Given)"
    if ((Read-Property $One.User RemotePowerShellEnabled) -eq $false) {
        Invoke-Change "user $($One.Given)" 'allow remote PowerShell' { Set-User -Identity $One.Given -RemotePowerShellEnabled $true -Confirm:$false @Dc }
    }
    if ($MaxConcurrency -eq 0) { return }
    $bound = Get-ThrottlingPolicyAssociation -Identity $One.Given @Dc
    if ((Get-LastPart (Read-Property $bound ThrottlingPolicyId)) -ne $Ours) {
        Invoke-Change "user $($One.Given)" "bind to the throttling policy ""$Ours""" { Set-ThrottlingPolicyAssociation -Identity $One.Given -ThrottlingPolicy $Ours -Confirm:$false @Dc }
    }
}

function Update-Policy {
    $policy = @(Find-Policy)
    Add-Row "throttling policy $Ours"
    if ($policy.Count -eq 0) {
        Invoke-Change "throttling policy $Ours" "create, with $MaxConcurrency sessions" { [void] (New-ThrottlingPolicy -Name $Ours -ThrottlingPolicyScope Regular -PowerShellMaxConcurrency $MaxConcurrency @Dc) }
    } elseif ("$($policy[0].PowerShellMaxConcurrency)" -ne "$MaxConcurrency") {
        Invoke-Change "throttling policy $Ours" "set to $MaxConcurrency sessions" { Set-ThrottlingPolicy -Identity $Ours -PowerShellMaxConcurrency $MaxConcurrency -Confirm:$false @Dc }
    }
}

function Remove-Everything {
    foreach ($group in $ActingGroup, $ObservingGroup) {
        if (@(Find-Group $group).Count -eq 0) { continue }
        Invoke-Change "group $group" 'remove, with its assignments' {
            # Only assignments of our roles: Exchange may also return rights that the group has through another group.
            $assignments = @(Get-ManagementRoleAssignment -RoleAssignee $group @Dc | Where-Object { (Get-LastPart $_.Role).StartsWith($Ours) })
            foreach ($assignment in $assignments) { Remove-ManagementRoleAssignment -Identity $assignment.Name -Confirm:$false @Dc }
            Remove-RoleGroup -Identity $group -BypassSecurityGroupManagerCheck -Confirm:$false @Dc
        }
    }
    foreach ($role in Get-OurRole) { Remove-Role $role.Name }
    foreach ($one in Find-Scope) { Invoke-Change "scope $($one.Name)" 'remove' { Remove-ManagementScope -Identity $one.Name -Confirm:$false @Dc } }
    if (@(Find-Policy).Count -gt 0) {
        Invoke-Change "throttling policy $Ours" 'remove' {
            foreach ($bound in @(Get-ThrottlingPolicyAssociation -ThrottlingPolicy $Ours @Dc)) { Set-ThrottlingPolicyAssociation -Identity $bound.Identity -ThrottlingPolicy $null -Confirm:$false @Dc }
            Remove-ThrottlingPolicy -Identity $Ours -Confirm:$false @Dc
        }
    }
}

Assert-Shell
if ($Remove) {
    Remove-Everything
} else {
    # Reads and checks everything before the first change.
    $members = @($Member | ForEach-Object { Resolve-Member $_ })
    $servers = @($ServerScope | ForEach-Object { Resolve-Server $_ } | Sort-Object -Unique)
    $roles = Get-WantedRole

    $within = ''
    if ($servers.Count -gt 0 -and -not $ObserveOnly) { $within = Update-Scope $servers }
    foreach ($role in $roles.Keys) { Update-Role $role $roles[$role] }
    $group = if ($ObserveOnly) { $ObservingGroup } else { $ActingGroup }
    if ($ObserveOnly) { Remove-FromActing $members }
    Update-Group $group $members
    # Both groups share the "look" roles.
    $groups = @($group) + @($ActingGroup, $ObservingGroup | Where-Object { $_ -ne $group -and @(Find-Group $_).Count -gt 0 })
    foreach ($role in $roles.Keys) {
        if ($role.StartsWith($ActRole)) { Update-Assignment $role $ActingGroup $within; continue }
        foreach ($one in $groups) { Update-Assignment $role $one '' }
    }
    # Removes our roles from other parents, and scopes of other servers.
    foreach ($role in Get-OurRole) {
        if (-not $roles.Contains($role.Name) -and ($role.Name.StartsWith($LookRole) -or -not $ObserveOnly)) { Remove-Role $role.Name }
    }
    if (-not $ObserveOnly) {
        foreach ($one in @(Find-Scope | Where-Object { $_.Name -ne $within })) { Invoke-Change "scope $($one.Name)" 'remove' { Remove-ManagementScope -Identity $one.Name -Confirm:$false @Dc } }
    }
    if ($MaxConcurrency -gt 0) { Update-Policy }
    foreach ($one in $members) { Update-User $one }
}

foreach ($what in $Rows.Keys) {
    $state = if ($Rows[$what].Count -eq 0) { 'unchanged' } elseif ($WhatIfPreference) { 'would be changed' } else { 'changed' }
    [pscustomobject] @{ What = $what; State = $state; Done = $Rows[$what] -join '; ' }
}
if (-not $Remove) {
    Write-Host "To check the entries of the roles: Get-ManagementRoleEntry ""$Ours*\*"" | Format-Table Role, Name, Parameters"
    Write-Host "To check their assignments: Get-ManagementRoleAssignment | Where-Object { `$_.Role -like ""$Ours*"" } | Format-Table Role, RoleAssigneeName, CustomConfigWriteScope"
}
