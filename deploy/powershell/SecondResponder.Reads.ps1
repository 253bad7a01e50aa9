# Reads: the functions that only read, one for each question of the daemon. Part of SecondResponder.psm1.

function Get-Organisation {
    <#
    .SYNOPSIS
    Lists every Exchange server with roles, version, site and database availability group. Edge servers are left out.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection)
    Start-Call $Connection
    $groupOf = @{}
    foreach ($group in Get-FromExchange $Connection Get-DatabaseAvailabilityGroup @{}) {
        foreach ($member in @(Get-Field $group Servers)) { $groupOf[(Get-ShortName $member)] = Get-Needed $group Name }
    }
    foreach ($server in Get-FromExchange $Connection Get-ExchangeServer @{}) {
        $roles = Get-Needed $server ServerRole
        $version = Get-Version (Get-Field $server AdminDisplayVersion)
        $mailbox = $roles -match 'Mailbox'
        # Since Exchange 2016 every mailbox server is a client access server too, whatever its roles say.
        $access = $roles -match 'ClientAccess' -or ($mailbox -and $version -ne '15.0')
        if (-not $mailbox -and -not $access) { continue }
        $short = Get-ShortName (Get-Needed $server Name)
        $row = @{
            server  = $short
            fqdn    = (Get-Needed $server Fqdn).ToLowerInvariant()
            roles   = @(if ($access) { 'client-access' }) + @(if ($mailbox) { 'mailbox' })
            version = $version
            site    = Get-LastPart (Get-Field $server Site)
        }
        Add-Known $row dag $groupOf[$short]
        $row
    }
}

# 15.1, from the text "Version 15.1 (Build 2507.6)" or from an object with Major and Minor.
function Get-Version {
    param($Display)
    if ([string] $Display -match '(\d+)\.(\d+)') { return "$($Matches[1]).$($Matches[2])" }
    "$(Get-Field $Display Major).$(Get-Field $Display Minor)"
}

function Get-HealthRow {
    <#
    .SYNOPSIS
    Lists every monitor of a server with its state: Get-ServerHealth.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server)
    Start-Call $Connection
    foreach ($monitor in Get-FromExchange $Connection Get-ServerHealth @{ Identity = $Server }) {
        # A server has hundreds of monitors: the properties of each are read in one pass.
        $of = @{}
        foreach ($property in $monitor.PSObject.Properties) { $of[$property.Name] = $property.Value }
        foreach ($name in 'HealthSetName', 'Name', 'AlertValue') { if (-not $of[$name]) { Stop-Call badReply "A row of the answer has no $name." } }
        $row = @{
            healthSet         = [string] $of['HealthSetName']
            name              = [string] $of['Name']
            targetResource    = [string] $of['TargetResource']
            alertValue        = [string] $of['AlertValue']
            component         = [string] $of['ServerComponentName']
            isStale           = [string] $of['IsStale'] -eq 'True'
        }
        # "Recurrance" is Exchange's spelling. 0 means that no timer runs the monitor; missing or unreadable means unknown, not 0.
        $seconds = ConvertTo-Second $of['RecurranceInterval']
        if ($null -ne $seconds) { $row.recurrenceSeconds = $seconds }
        $transition = ConvertTo-Instant $of['LastTransitionTime'] $Connection
        if ($null -ne $transition) { $row.lastTransition = $transition }
        $execution = ConvertTo-Instant $of['LastExecutionTime'] $Connection
        if ($null -ne $execution) { $row.lastExecution = $execution }
        $row
    }
}

function Invoke-Probe {
    <#
    .SYNOPSIS
    Runs a probe now: Invoke-MonitoringProbe. If Exchange refuses the probe, the only output is a warning.

    .PARAMETER Identity
    HealthSet\Probe, or HealthSet\Probe\TargetResource.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [string] $Identity)
    Start-Call $Connection
    $types = 'Abandoned', 'TimedOut', 'Poisoned', 'Succeeded', 'Failed', 'Quarantined', 'Rejected'
    foreach ($result in Get-FromExchange $Connection Invoke-MonitoringProbe @{ Identity = $Identity; Server = $Server }) {
        # Exchange's documentation calls the property Result. It is a text, or a number if remoting lost the enumeration.
        $type = Get-Field $result ResultType
        if ($null -eq $type) { $type = Get-Field $result Result }
        if ([string] $type -match '^\d+$' -and [int] [string] $type -lt $types.Count) { $type = $types[[int] [string] $type] }
        @{
            resultType = [string] $type
            error      = [string] (Get-Field $result Error)
            exception  = [string] (Get-Field $result Exception)
            startedAt  = ConvertTo-Instant (Get-Field $result ExecutionStartTime) $Connection
            endedAt    = ConvertTo-Instant (Get-Field $result ExecutionEndTime) $Connection
        }
    }
}

function Get-CopyOnServer {
    <#
    .SYNOPSIS
    Lists the database copies on a server: Get-MailboxDatabaseCopyStatus -Server. Without -Server, Exchange would answer for the whole organisation.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [ValidateNotNullOrEmpty()] [string] $Server)
    Start-Call $Connection
    $databases = Get-FromExchange $Connection Get-MailboxDatabase @{ Server = $Server }
    ConvertTo-Copy (Get-FromExchange $Connection Get-MailboxDatabaseCopyStatus @{ Server = $Server }) $databases
}

function Get-CopyOfDatabase {
    <#
    .SYNOPSIS
    Lists all copies of one database: Get-MailboxDatabaseCopyStatus -Identity.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [ValidateNotNullOrEmpty()] [string] $Database)
    Start-Call $Connection
    $copies = @(Get-FromExchange $Connection Get-MailboxDatabaseCopyStatus @{ Identity = $Database })
    if ($copies.Count -eq 0) { return }
    ConvertTo-Copy $copies (Get-FromExchange $Connection Get-MailboxDatabase @{ Identity = $Database })
}

function ConvertTo-Copy {
    param($Copies, $Databases)
    $known = @{}
    foreach ($database in $Databases) { $known[(Get-Needed $database Name)] = $database }
    foreach ($copy in $Copies) {
        $name = Get-Needed $copy DatabaseName
        $server = Get-ShortName (Get-Needed $copy MailboxServer)
        $database = $known[$name]
        if (-not $database) { Stop-Call badReply "There is a copy of $name, and no such database." }
        $row = @{
            database            = $name
            server              = $server
            status              = Get-Needed $copy Status
            copies              = [Math]::Max(1, @(Get-Field $database Servers).Count)
            copyQueueLength     = [double] (Get-Field $copy CopyQueueLength)
            replayQueueLength   = [double] (Get-Field $copy ReplayQueueLength)
            activationSuspended = ConvertTo-Boolean (Get-Field $copy ActivationSuspended)
            lagged              = Test-Lagged (Get-Field $database ReplayLagTimes) $server
        }
        Add-Known $row error (Get-Field $copy ErrorMessage)
        $row
    }
}

<#
Whether a server's copy is lagged on purpose, from pairs such as [MBX1, 7.00:00:00]. A pair that can't be read counts as lagged: it is safer
not to rely on that copy.
#>
function Test-Lagged {
    param($LagTimes, [string] $Server)
    foreach ($pair in @($LagTimes)) {
        if ([string] $pair -notmatch '^\[?(.+?),\s*(.+?)\]?$') { return $true }
        $lag = [TimeSpan]::Zero
        $of = $Matches[1]
        if (-not [TimeSpan]::TryParse($Matches[2], [ref] $lag)) { return $true }
        if ((Get-ShortName $of) -eq $Server) { return $lag -gt [TimeSpan]::Zero }
    }
    $false
}

function Get-MailboxServerState {
    <#
    .SYNOPSIS
    Reads what decides whether databases may be active on a server: Get-MailboxServer.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server)
    Start-Call $Connection
    $state = Get-One $Connection Get-MailboxServer @{ Identity = $Server; DomainController = Get-Controller $Connection }
    $row = @{
        server               = Get-ShortName (Get-Needed $state Name)
        activationBlocked    = ConvertTo-Boolean (Get-Needed $state DatabaseCopyActivationDisabledAndMoveNow)
        autoActivationPolicy = Get-Needed $state DatabaseCopyAutoActivationPolicy
    }
    $most = [string] (Get-Field $state MaximumActiveDatabases)
    if ($most -match '^\d+$') { $row.maximumActiveDatabases = [int] $most }
    $row
}

function Get-AvailabilityGroup {
    <#
    .SYNOPSIS
    Reads the members of a database availability group, which of them are up, and its witness: Get-DatabaseAvailabilityGroup -Status.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Name)
    Start-Call $Connection
    $group = Get-One $Connection Get-DatabaseAvailabilityGroup @{ Identity = $Name; Status = $true }
    $up = @(Get-Field $group OperationalServers | ForEach-Object { Get-ShortName $_ })
    $suspended = @(Get-Field $group ServersInMaintenance | ForEach-Object { Get-ShortName $_ })
    $row = @{
        name    = Get-Needed $group Name
        members = @(
            foreach ($member in @(Get-Field $group Servers)) {
                $short = Get-ShortName $member
                @{ server = $short; up = $up -contains $short; suspended = $suspended -contains $short }
            }
        )
    }
    # A group with an odd number of members has a witness and does not use it.
    $share = [string] (Get-Field $group WitnessShareInUse)
    $witness = Get-Field $group WitnessServer
    if ($witness -and $share -ne 'None') { $row.witness = @{ server = Get-ShortName $witness; up = $share -in 'Primary', 'Alternate' } }
    $row
}

function Get-ProtocolLog {
    <#
    .SYNOPSIS
    Reads whether the protocol log of IMAP or POP is on, and its folder: Get-ImapSettings, Get-PopSettings.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [ValidateSet('imap', 'pop')] [string] $Protocol)
    Start-Call $Connection
    $settings = Get-One $Connection (Get-SettingsCommand Get $Protocol) @{ Server = $Server; DomainController = Get-Controller $Connection }
    @{
        enabled  = ConvertTo-Boolean (Get-Needed $settings ProtocolLogEnabled)
        location = [string] (Get-Field $settings LogFileLocation)
    }
}

function Get-SettingsCommand {
    param([string] $Verb, [string] $Protocol)
    if ($Protocol -eq 'imap') { "$Verb-ImapSettings" } else { "$Verb-PopSettings" }
}

function Get-ComponentState {
    <#
    .SYNOPSIS
    Lists the components of a server with their states and requesters.

    .DESCRIPTION
    The effective state is that of Get-ServerComponentState. Its requesters do not survive remoting and are read from the server's registry. A
    component that is Inactive without a requester there has the requester Unknown.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server)
    Start-Call $Connection
    $requests = @(Get-FromTarget $Connection Get-TargetComponent)
    foreach ($component in Get-FromExchange $Connection Get-ServerComponentState @{ Identity = $Server }) {
        $name = Get-Needed $component Component
        $state = Get-Needed $component State
        $by = @()
        if ($state -ne 'Active') {
            $by = @($requests | Where-Object { $_.component -eq $name -and $_.state -ne 'Active' } |
                    ForEach-Object { @{ requester = $_.requester; state = $(if ($_.state -eq 'Draining') { 'Draining' } else { 'Inactive' }) } })
            if ($by.Count -eq 0) { $by = @(@{ requester = 'Unknown'; state = $(if ($state -eq 'Draining') { 'Draining' } else { 'Inactive' }) }) }
        }
        @{ component = $name; state = $state; requesters = $by }
    }
}

function Get-ServiceState {
    <#
    .SYNOPSIS
    Reads one service of a server, or all Exchange services.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Name)
    Start-Call $Connection
    $parameters = if ($Name) { @{ Name = $Name } } else { @{} }
    Get-FromTarget $Connection Get-TargetService $parameters
}

function Get-RecoveryAction {
    <#
    .SYNOPSIS
    Lists the recovery actions that Managed Availability has taken on a server since a time, and those in progress.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [long] $Since)
    Start-Call $Connection
    Get-FromTarget $Connection Get-TargetRecoveryAction @{ Since = $Since }
}

function Get-Activity {
    <#
    .SYNOPSIS
    Lists other work in progress on a server: setup, updates, a pending restart, and database copies that are being seeded.

    .PARAMETER Server
    Empty for a server without databases.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server)
    Start-Call $Connection
    Get-FromTarget $Connection Get-TargetActivity
    if (-not $Server) { return }
    foreach ($copy in Get-FromExchange $Connection Get-MailboxDatabaseCopyStatus @{ Server = $Server }) {
        $status = Get-Needed $copy Status
        if ($status -notin 'Seeding', 'SeedingSource') { continue }
        @{ kind = 'seeding'; says = "a database copy is in the state $status" }
        return
    }
}

function Get-BootTime {
    <#
    .SYNOPSIS
    Reads when a server booted, and how long it has been up.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection)
    Start-Call $Connection
    Get-FromTarget $Connection Get-TargetBoot
}

function Get-ScriptState {
    <#
    .SYNOPSIS
    Whether the server has a script with that content, and what became of one run of it.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Name, [string] $Sha256, [string] $Run)
    Start-Call $Connection
    $row = Get-FromTarget $Connection Get-TargetScript @{ Name = $Name; Sha256 = $Sha256; Run = $Run }
    if ($row.output -eq '') { $row.Remove('output') }
    $row
}
