<#
.SYNOPSIS
The lab of Second Responder as a real PowerShell sees an Exchange organisation: the real commands with their parameters, output, warnings and
failures.

.DESCRIPTION
Import it beside SecondResponder.psm1 in a PowerShell whose variable EXCHANGE_LAB_URL names a lab (second-responder lab). New-PSSession then opens a
session with a simulated server instead of a real one:

    -ConfigurationName Microsoft.Exchange     has no language, and only the commands of Exchange that are below
    -ConfigurationName SecondResponder        has no language, and only the functions of SecondResponder.Target.psm1
    any other                                 plain WinRM: a full PowerShell on the server that -ComputerName names

What comes out of a command of Exchange has gone over the wire: it has lost its methods, and nested values have become text. Text is what
enumerations come as; with EXCHANGE_LAB_ENUMS=number the result of a probe comes as a number, which happens too. Times come as UTC; with
EXCHANGE_LAB_TIMES=local or utc they come as local time or UTC and do not say which. The clock is the lab's.

What is wrong in a real organisation can be had as well, by variables too:

    EXCHANGE_LAB_HIDE            commands that no session offers, as of an account without the right: Set-MailboxServer,Get-TargetBoot
    EXCHANGE_LAB_DENY            servers that let nobody in: ex2,mbx1
    EXCHANGE_LAB_SKEW_SECONDS    by how much clocks of servers are ahead: mbx1=45,cas1=-5

Written to the language of Windows PowerShell 5.1, in ASCII.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$LabUrl = [Environment]::GetEnvironmentVariable('EXCHANGE_LAB_URL')
$LabServer = ''
$LabCaller = ''
$OpenSessions = [Collections.ArrayList]::new()
$Module = $PSCommandPath
$Folder = $PSScriptRoot
$Epoch = [DateTime]::new(1970, 1, 1, 0, 0, 0, [DateTimeKind]::Utc)

# What each kind of session offers.
$ExchangeCommands = 'Get-ExchangeServer', 'Get-DatabaseAvailabilityGroup', 'Get-ServerHealth', 'Invoke-MonitoringProbe', 'Get-MailboxDatabase',
    'Get-MailboxDatabaseCopyStatus', 'Get-MailboxServer', 'Set-MailboxServer', 'Get-ImapSettings', 'Set-ImapSettings', 'Get-PopSettings', 'Set-PopSettings',
    'Get-ServerComponentState', 'Get-Command'
$TargetCommands = 'Get-TargetClock', 'Get-TargetBoot', 'Get-TargetService', 'Get-TargetActivity', 'Get-TargetRecoveryAction', 'Get-TargetComponent',
    'Get-TargetScript', 'Restart-TargetService', 'Restart-TargetComputer', 'Invoke-TargetScript', 'Get-Command'
$WindowsCommands = 'Get-Date', 'Get-Service', 'Restart-Service', 'Restart-Computer', 'Get-CimInstance', 'Get-Process', 'Get-WinEvent', 'Get-ChildItem', 'Test-Path',
    'Write-EventLog'

# --------------------------------------------------------------------------------------------------------------- the lab

<# Which lab, which server of it, and on whose behalf: called once in each session. #>
function Initialize-LabSession {
    param([string] $Url, [string] $Server, [string] $Caller)
    $script:LabUrl = $Url
    $script:LabServer = $Server
    $script:LabCaller = $Caller
}

function Invoke-Lab {
    param([string] $Path, $Body)
    if (-not $LabUrl) { throw 'EXCHANGE_LAB_URL does not say where the lab is.' }
    $client = [Net.WebClient]::new()
    try {
        $client.Encoding = [Text.Encoding]::UTF8
        $url = $LabUrl.TrimEnd('/') + '/lab/v1/' + $Path
        if ($null -eq $Body) { return ConvertFrom-Json -InputObject $client.DownloadString($url) }
        $client.Headers.Add('content-type', 'application/json')
        ConvertFrom-Json -InputObject $client.UploadString($url, (ConvertTo-Json -InputObject $Body -Depth 6 -Compress))
    } catch {
        $inner = $_.Exception
        while ($inner.InnerException) { $inner = $inner.InnerException }
        throw [Management.Automation.Remoting.PSRemotingTransportException]::new("The lab at $LabUrl does not answer: $($inner.Message)")
    } finally {
        $client.Dispose()
    }
}

<# One verb of the lab. Its failures become those of the real thing, in the real words where they are public. #>
function Invoke-Verb {
    param([string] $Verb, [hashtable] $Arguments)
    $body = @{ verb = $Verb; arguments = $Arguments }
    if ($LabCaller) { $body.caller = $LabCaller }
    $answer = Invoke-Lab call $body
    if ($answer.PSObject.Properties['failure']) { throw (ConvertTo-RealFailure $answer.failure.code $answer.failure.message) }
    foreach ($warning in $answer.reply.warnings) { Write-Warning $warning }
    if ($answer.reply.PSObject.Properties['value']) { $answer.reply.value }
}

function ConvertTo-RealFailure {
    param([string] $Code, [string] $Says)
    switch ($Code) {
        'sessionLimit' {
            $text = 'Processing data from remote server failed with the following error message: Fail to create a runspace because you have exceeded ' +
                'the maximum number of connections allowed : 18 for the policy party : MaxConcurrency. Please close existing runspace and try again.'
            return New-Failure ([Management.Automation.Remoting.PSRemotingTransportException]::new($text)) '-2144108212,PSSessionOpenFailed' OpenError
        }
        'unreachable' { return New-Failure ([Management.Automation.Remoting.PSRemotingTransportException]::new($Says)) PSSessionStateBroken OpenError }
        'accessDenied' { return New-Failure ([UnauthorizedAccessException]::new($Says)) AccessDenied PermissionDenied }
        'notFound' {
            return New-Failure ([Management.Automation.ItemNotFoundException]::new("The operation couldn't be performed because object couldn't be found. $Says")) 'ManagementObjectNotFoundException' ObjectNotFound
        }
        'unknown' { return New-Failure ([Exception]::new($Says)) Unheard NotSpecified }
        'timedOut' { return New-Failure ([TimeoutException]::new($Says)) TimeoutException OperationTimeout }
        default { return New-Failure ([InvalidOperationException]::new($Says)) InvalidOperationException InvalidOperation }
    }
}

function New-Failure {
    param([Exception] $Exception, [string] $Id, [string] $Category)
    [Management.Automation.ErrorRecord]::new($Exception, $Id, $Category, $null)
}

function ConvertTo-Time { param($Milliseconds) if ($null -ne $Milliseconds) { $Epoch.AddMilliseconds($Milliseconds) } }

<# A time as Exchange sends it. #>
function ConvertTo-SentTime {
    param($Milliseconds)
    $time = ConvertTo-Time $Milliseconds
    if ($null -eq $time) { return }
    switch ([Environment]::GetEnvironmentVariable('EXCHANGE_LAB_TIMES')) {
        'local' { [DateTime]::SpecifyKind($time.ToLocalTime(), [DateTimeKind]::Unspecified) }
        'utc' { [DateTime]::SpecifyKind($time, [DateTimeKind]::Unspecified) }
        default { $time }
    }
}

# A time of the lab's organisation; PowerShell 7 has made a date of the text already.
function Read-Time {
    param($Time)
    if ($Time -is [DateTime]) { return $Time.ToUniversalTime() }
    [DateTime]::Parse($Time, [Globalization.CultureInfo]::InvariantCulture, [Globalization.DateTimeStyles]::RoundtripKind)
}

function ConvertTo-Milliseconds { param([DateTime] $Time) [long] [Math]::Floor(($Time.ToUniversalTime() - $Epoch).TotalMilliseconds) }

# A field that may be missing.
function Get-Field {
    param($Row, [string] $Name)
    $property = $Row.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

<# What a row is after it has come over the wire. #>
function Send-Row {
    param([hashtable] $Row)
    [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize([pscustomobject] $Row, 1))
}

function Get-View { Invoke-Lab organisation }

function Get-ViewOfServer {
    param([string] $Name)
    Get-View | ForEach-Object { $_.servers } | Where-Object { $_.name -eq $Name.Split('.')[0] }
}

# --------------------------------------------------------------------------------------------------------------- sessions

function New-PSSessionOption {
    param($OpenTimeout, $OperationTimeout, $IdleTimeout, $Culture, $UICulture, [hashtable] $ApplicationArguments)
    [pscustomobject] @{ ApplicationArguments = $ApplicationArguments }
}

<# A session with a simulated server: a runspace that has what the real one would have, and no more. #>
function New-PSSession {
    param([string] $ConfigurationName, [Uri] $ConnectionUri, [string] $ComputerName, $Authentication, $SessionOption, $Credential, [switch] $UseSSL)
    $name = if ($ConnectionUri) { $ConnectionUri.Host } else { $ComputerName }
    $server = Get-ViewOfServer $name
    if (-not $server -or $server.state -eq 'down') {
        $text = "Connecting to remote server $name failed with the following error message : The WinRM client cannot process the request because the server name cannot be " +
            'resolved, or the destination is not reachable. For more information, see the about_Remote_Troubleshooting Help topic.'
        throw (New-Failure ([Management.Automation.Remoting.PSRemotingTransportException]::new($text)) 'CannotConnect,PSSessionOpenFailed' OpenError)
    }
    if ((Get-Listed EXCHANGE_LAB_DENY) -contains $server.name) {
        $text = "Connecting to remote server $name failed with the following error message : Access is denied. For more information, see the about_Remote_Troubleshooting Help topic."
        throw (New-Failure ([Management.Automation.Remoting.PSRemotingTransportException]::new($text)) 'AccessDenied,PSSessionOpenFailed' OpenError)
    }
    $exchange = $ConfigurationName -eq 'Microsoft.Exchange'
    $state = [Runspace]::DefaultRunspace.InitialSessionState.Clone()
    $modules = @($Module)
    if ($ConfigurationName -eq 'SecondResponder') { $modules += [IO.Path]::Combine($Folder, 'SecondResponder.Target.psm1') }
    $state.ImportPSModule([string[]] $modules)
    $runspace = [RunspaceFactory]::CreateRunspace($state)
    $runspace.ThreadOptions = 'ReuseThread'
    $runspace.Open()
    $caller = [string] $SessionOption.ApplicationArguments.SecondResponder
    # Only now: to prepare a session takes more than it offers.
    Invoke-Preparation $runspace $server.name $caller
    if ($exchange) { Limit-Session $runspace $ExchangeCommands }
    if ($ConfigurationName -eq 'SecondResponder') { Limit-Session $runspace $TargetCommands }
    $session = [pscustomobject] @{ Runspace = $runspace; State = 'Opened'; ComputerName = $name; ConfigurationName = $ConfigurationName }
    $null = $OpenSessions.Add($session)
    $session
}

<# The sessions that are open, whoever holds them or has lost them. #>
function Get-LabSession {
    foreach ($session in $OpenSessions) { "$($session.ConfigurationName) on $($session.ComputerName)" }
}

# A variable that names several things.
function Get-Listed {
    param([string] $Variable)
    ([string] [Environment]::GetEnvironmentVariable($Variable)).Split(',') | Where-Object { $_ }
}

function Invoke-Preparation {
    param($Runspace, [string] $Server, [string] $Caller)
    $shell = [PowerShell]::Create()
    $shell.Runspace = $Runspace
    $null = $shell.AddCommand('Initialize-LabSession').AddParameters(@{ Url = $LabUrl; Server = $Server; Caller = $Caller }).Invoke()
    $shell.Dispose()
}

<# No language, and no command but these. #>
function Limit-Session {
    param($Runspace, [string[]] $Visible)
    $hidden = @(Get-Listed EXCHANGE_LAB_HIDE)
    foreach ($command in $Runspace.SessionStateProxy.InvokeCommand.GetCommands('*', 'Alias, Function, Filter, Cmdlet', $true)) {
        if ($command.Name -notin $Visible -or $command.Name -in $hidden) { $command.Visibility = 'Private' }
    }
    $Runspace.SessionStateProxy.Applications.Clear()
    $Runspace.SessionStateProxy.Scripts.Clear()
    $Runspace.SessionStateProxy.LanguageMode = 'NoLanguage'
}

function Remove-PSSession {
    param($Session)
    $Session.State = 'Closed'
    $OpenSessions.Remove($Session)
    $Session.Runspace.Dispose()
}

# --------------------------------------------------------------------------------------------------------------- Exchange

function Get-ExchangeServer {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Status)
    foreach ($server in (Invoke-Verb organisation @{}).servers) {
        if ($Identity -and $Identity -notin $server.server, $server.fqdn) { continue }
        $roles = @(if ($server.roles -contains 'mailbox') { 'Mailbox' }) + @(if ($server.roles -contains 'client-access') { 'ClientAccess' })
        Send-Row @{
            Name                = $server.server.ToUpperInvariant()
            Fqdn                = $server.fqdn
            ServerRole          = $roles -join ', '
            AdminDisplayVersion = "Version $($server.version) (Build 1497.2)"
            Site                = "contoso.com/Configuration/Sites/$($server.site)"
            Edition             = 'Enterprise'
        }
    }
}

function Get-DatabaseAvailabilityGroup {
    [CmdletBinding()]
    param([string] $Identity, [switch] $Status, [string] $DomainController)
    if (-not $Identity) {
        foreach ($group in (Get-View).groups) {
            Send-Row @{ Name = $group.name; Servers = [Collections.ArrayList] @($group.members | ForEach-Object { $_.server.ToUpperInvariant() }) }
        }
        return
    }
    $group = Invoke-Verb availabilityGroup @{ name = $Identity }
    $members = @($group.members)
    $row = @{
        Name                 = $group.name
        Servers              = [Collections.ArrayList] @($members | ForEach-Object { $_.server.ToUpperInvariant() })
        OperationalServers   = [Collections.ArrayList] @($members | Where-Object { $_.up } | ForEach-Object { $_.server.ToUpperInvariant() })
        ServersInMaintenance = [Collections.ArrayList] @($members | Where-Object { $_.suspended } | ForEach-Object { $_.server.ToUpperInvariant() })
        WitnessServer        = ''
        WitnessShareInUse    = 'None'
    }
    $witness = Get-Field $group witness
    if ($witness) {
        $row.WitnessServer = "$($witness.server).contoso.com"
        $row.WitnessShareInUse = if ($witness.up) { 'Primary' } else { 'InvalidConfiguration' }
    }
    Send-Row $row
}

function Get-ServerHealth {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)] [string] $Identity, [string] $HealthSet, [switch] $HaImpactingOnly)
    foreach ($monitor in Invoke-Verb serverHealth @{ server = $Identity }) {
        if ($HealthSet -and $monitor.healthSet -ne $HealthSet) { continue }
        Send-Row @{
            Server                = $Identity.ToUpperInvariant()
            CurrentHealthSetState = 'NotApplicable'
            Name                  = $monitor.name
            TargetResource        = $monitor.targetResource
            HealthSetName         = $monitor.healthSet
            HealthGroupName       = 'ServiceComponents'
            AlertValue            = $monitor.alertValue
            ServerComponentName   = $monitor.component
            RecurranceInterval    = Get-Field $monitor recurrenceSeconds
            LastTransitionTime    = ConvertTo-SentTime (Get-Field $monitor lastTransition)
            LastExecutionTime     = ConvertTo-SentTime (Get-Field $monitor lastExecution)
            IsStale               = $monitor.isStale
            IsHaImpacting         = $false
            Error                 = ''
            Identity              = "$($monitor.healthSet)\$($monitor.name)\$($monitor.targetResource)"
            IsValid               = $true
            ObjectState           = 'New'
        }
    }
}

function Invoke-MonitoringProbe {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)] [string] $Identity, [Parameter(Mandatory = $true)] [string] $Server, [string] $TimeOutSeconds)
    $result = Invoke-Verb invokeProbe @{ server = $Server; identity = $Identity }
    if (-not $result) { return }
    $types = 'Abandoned', 'TimedOut', 'Poisoned', 'Succeeded', 'Failed', 'Quarantined', 'Rejected'
    $type = $result.resultType
    if ([Environment]::GetEnvironmentVariable('EXCHANGE_LAB_ENUMS') -eq 'number') { $type = [array]::IndexOf($types, $type) }
    Send-Row @{
        Server             = $Server.ToUpperInvariant()
        MonitorIdentity    = $Identity
        RequestId          = [guid]::NewGuid()
        ExecutionStartTime = ConvertTo-SentTime $result.startedAt
        ExecutionEndTime   = ConvertTo-SentTime $result.endedAt
        Error              = $result.error
        Exception          = $result.exception
        ResultType         = $type
        IsValid            = $true
        ObjectState        = 'New'
    }
}

function Get-MailboxDatabase {
    [CmdletBinding()]
    param([string] $Identity, [string] $Server)
    foreach ($database in (Get-View).databases) {
        $holders = @($database.copies | ForEach-Object { $_.server })
        if ($Identity -and $database.name -ne $Identity) { continue }
        if ($Server -and $holders -notcontains $Server) { continue }
        $lags = $database.copies | ForEach-Object { '[{0}, {1}]' -f $_.server.ToUpperInvariant(), $(if ($_.lagged) { '7.00:00:00' } else { '00:00:00' }) }
        Send-Row @{
            Name           = $database.name
            Servers        = [Collections.ArrayList] @($holders | ForEach-Object { $_.ToUpperInvariant() })
            ReplayLagTimes = [Collections.ArrayList] @($lags)
        }
    }
}

function Get-MailboxDatabaseCopyStatus {
    [CmdletBinding()]
    param([string] $Identity, [string] $Server)
    $copies = if ($Server) { Invoke-Verb copiesOn @{ server = $Server } } else { Invoke-Verb copiesOf @{ database = $Identity } }
    foreach ($copy in $copies) {
        Send-Row @{
            Name                = "$($copy.database)\$($copy.server.ToUpperInvariant())"
            DatabaseName        = $copy.database
            MailboxServer       = $copy.server.ToUpperInvariant()
            Status              = $copy.status
            CopyQueueLength     = $copy.copyQueueLength
            ReplayQueueLength   = $copy.replayQueueLength
            ActivationSuspended = $copy.activationSuspended
            ErrorMessage        = [string] (Get-Field $copy error)
        }
    }
}

function Get-MailboxServer {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)] [string] $Identity, [string] $DomainController)
    $state = Invoke-Verb mailboxServer @{ server = $Identity }
    Send-Row @{
        Name                                    = $state.server.ToUpperInvariant()
        DatabaseCopyActivationDisabledAndMoveNow = $state.activationBlocked
        DatabaseCopyAutoActivationPolicy        = $state.autoActivationPolicy
        MaximumActiveDatabases                  = Get-Field $state maximumActiveDatabases
        OriginatingServer                       = 'dc1.contoso.com'
    }
}

# Exchange knows nothing of fences: it sets what it is told to set.
function Set-Fenceless {
    param([string] $Verb, [hashtable] $Arguments, [string] $Field, [bool] $Wanted)
    $Arguments.fence = @{ $Field = -not $Wanted }
    $Arguments.change = Get-Change
    $null = Invoke-Verb $Verb $Arguments
}

function Set-MailboxServer {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true)] [string] $Identity, [bool] $DatabaseCopyActivationDisabledAndMoveNow, [string] $DomainController)
    $wanted = $DatabaseCopyActivationDisabledAndMoveNow
    Set-Fenceless setActivationBlocked @{ server = $Identity; blocked = $wanted } activationBlocked $wanted
}

function Get-ImapSettings { [CmdletBinding()] param([string] $Server, [string] $DomainController) Get-Log imap $Server }

function Get-PopSettings { [CmdletBinding()] param([string] $Server, [string] $DomainController) Get-Log pop $Server }

function Get-Log {
    param([string] $Protocol, [string] $Server)
    # Without -Server it is the one that the session happens to run on.
    if (-not $Server) { $Server = $LabServer }
    $log = Invoke-Verb protocolLog @{ server = $Server; protocol = $Protocol }
    Send-Row @{ Server = $Server; ProtocolLogEnabled = $log.enabled; LogFileLocation = $log.location; OriginatingServer = 'dc1.contoso.com' }
}

function Set-ImapSettings {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string] $Server, [bool] $ProtocolLogEnabled, [string] $DomainController)
    Set-Log imap $Server $ProtocolLogEnabled
}

function Set-PopSettings {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string] $Server, [bool] $ProtocolLogEnabled, [string] $DomainController)
    Set-Log pop $Server $ProtocolLogEnabled
}

function Set-Log {
    param([string] $Protocol, [string] $Server, [bool] $Enabled)
    if (-not $Server) { $Server = $LabServer }
    Set-Fenceless setProtocolLog @{ server = $Server; protocol = $Protocol; enabled = $Enabled } enabled $Enabled
}

function Get-ServerComponentState {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)] [string] $Identity, [string] $Component)
    foreach ($each in Invoke-Verb componentStates @{ server = $Identity }) {
        # Who asked for it is lost on the way.
        Send-Row @{ Server = "$Identity.contoso.com"; Component = $each.component; State = $each.state; LocalStates = [Collections.ArrayList] @() }
    }
}

# ---------------------------------------------------------------------------------------------------------------- Windows

function Get-Date { ConvertTo-Time ((Invoke-Lab clock).now + (Get-Skew)) }

# The own shell has the lab's time, whatever the servers have.
function Get-Skew {
    if (-not $LabServer) { return 0 }
    foreach ($one in Get-Listed EXCHANGE_LAB_SKEW_SECONDS) {
        $name, $seconds = $one.Split('=')
        if ($name -eq $LabServer) { return 1000 * $seconds }
    }
    0
}

function Get-Service {
    [CmdletBinding()]
    param([string] $Name)
    $services = if ($Name -like '*[*]*') { Invoke-Verb services @{ server = $LabServer } } else {
        try { Invoke-Verb service @{ server = $LabServer; name = [Management.Automation.WildcardPattern]::Unescape($Name) } } catch {
            if ($_.FullyQualifiedErrorId -notlike 'ManagementObjectNotFound*') { throw }
        }
    }
    foreach ($service in $services) { [pscustomobject] @{ Name = $service.name; Status = $service.status; StartType = $service.startType } }
}

function Get-CimInstance {
    [CmdletBinding()]
    param([string] $ClassName)
    switch ($ClassName) {
        'Win32_Service' {
            $number = 1000
            foreach ($service in (Get-ViewOfServer $LabServer).services) {
                $number += 4
                [pscustomobject] @{ Name = $service.name; ProcessId = $(if (Get-Field $service startedAt) { $number } else { 0 }) }
            }
        }
        'Win32_OperatingSystem' {
            $script:Boot = Invoke-Verb bootTime @{ server = $LabServer }
            [pscustomobject] @{ LastBootUpTime = (ConvertTo-Time $Boot.bootedAt).ToLocalTime() }
        }
        'Win32_PerfFormattedData_PerfOS_System' { [pscustomobject] @{ SystemUpTime = $Boot.uptimeSeconds } }
        default { throw "The lab has no class $ClassName." }
    }
}

function Get-Process {
    [CmdletBinding()]
    param([int] $Id, [string[]] $Name)
    if ($Id) {
        $service = @((Get-ViewOfServer $LabServer).services)[($Id - 1004) / 4]
        return [pscustomobject] @{ Id = $Id; StartTime = (Read-Time $service.startedAt).ToLocalTime() }
    }
    if ($Name) { return }
    $script:Activity = @(Invoke-Verb processes @{ server = $LabServer })
    $programs = @{ setup = 'ExSetupUI'; servicing = 'TiWorker'; backup = 'wbengine' }
    [pscustomobject] @{ ProcessName = 'svchost' }
    foreach ($one in $Activity) { if ($programs[$one.kind]) { [pscustomobject] @{ ProcessName = $programs[$one.kind] } } }
}

function Test-Path {
    [CmdletBinding()]
    param([string] $LiteralPath)
    if ($LiteralPath -like '*ServerComponentStates') { return $true }
    $LiteralPath -like '*RebootRequired' -and @($Activity | Where-Object { $_.kind -eq 'pending-update' }).Count -gt 0
}

function Get-ChildItem {
    [CmdletBinding()]
    param([string] $LiteralPath)
    $inactive = @((Get-ViewOfServer $LabServer).inactiveComponents)
    foreach ($component in $inactive | ForEach-Object { $_.component } | Get-Distinct) {
        $values = @{}
        foreach ($one in $inactive | Where-Object { $_.component -eq $component }) {
            $values[$one.requester] = "1:$(if ($one.state -eq 'Draining') { 2 } else { 0 }):635979456000000000"
        }
        $key = [pscustomobject] @{ PSChildName = $component; Values = $values }
        $key.PSObject.Methods.Add([Management.Automation.PSScriptMethod]::new('GetValueNames', { @($this.Values.Keys) }))
        $key.PSObject.Methods.Add([Management.Automation.PSScriptMethod]::new('GetValue', { param($name) $this.Values[$name] }))
        $key
    }
}

function Get-Distinct {
    begin { $seen = @{} }
    process {
        if ($seen.ContainsKey($_)) { return }
        $seen[$_] = $true
        $_
    }
}

<# Records as the log has them: one when an action starts, and one of the same instance when it has finished. #>
function Get-WinEvent {
    [CmdletBinding()]
    param([hashtable] $FilterHashtable, [switch] $Oldest)
    $since = ConvertTo-Milliseconds $FilterHashtable.StartTime
    $found = @(Invoke-Verb recoveryActions @{ server = $LabServer; since = $since })
    if ($found.Count -eq 0) {
        throw (New-Failure ([Exception]::new('No events were found that match the specified selection criteria.')) 'NoMatchingEventsFound' ObjectNotFound)
    }
    $number = 0
    foreach ($action in $found) {
        $number += 1
        New-ActionRecord $action $number started
        if ($action.state -eq 'finished') { New-ActionRecord $action $number finished }
    }
}

function New-ActionRecord {
    param($Action, [int] $Number, [string] $State)
    $fields = @{
        Id = $Action.action; InstanceId = "261126.$Number"; ResourceName = $Action.resource; RequestorName = $Action.requester
        StartTime = (ConvertTo-Time $Action.startedAt).ToString('o'); EndTime = '0001-01-01T00:00:00.0000000Z'; State = 'Started'; Result = ''
    }
    if ($State -eq 'finished') {
        $fields.State = 'Finished'
        $fields.EndTime = (ConvertTo-Time $Action.endedAt).ToString('o')
        $fields.Result = [string] (Get-Field $Action result)
    }
    $xml = foreach ($name in $fields.Keys) { "<$name>$([Security.SecurityElement]::Escape($fields[$name]))</$name>" }
    $record = [pscustomobject] @{ Xml = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><UserData><EventXML xmlns='myNs'>$(-join $xml)</EventXML></UserData></Event>" }
    $record.PSObject.Methods.Add([Management.Automation.PSScriptMethod]::new('ToXml', { $this.Xml }))
    $record
}

# What the far side compares by itself never gets as far as the lab's own command: its log is told of it.
function Write-EventLog {
    [CmdletBinding()]
    param([string] $LogName, [string] $Source, [int] $EventId, [string] $EntryType, [string] $Message)
    $told = @{}
    foreach ($line in $Message -split "`r`n") {
        $name, $value = $line -split ': ', 2
        $told[$name] = $value
    }
    if ($told.Effect -eq 'changed') { return }
    $given = if ($told.Command -eq 'Restart-Service') { @{ Name = $told.Of } } else { @{ ComputerName = $LabServer } }
    $null = Invoke-Lab commands @{ server = $LabServer; command = $told.Command; arguments = $given; caller = $told.Caller; effect = $told.Effect }
}

# By what a change is signed in the lab; it is never late there, as the fences are compared before.
function Get-Change { @{ notAfter = (Invoke-Lab clock).now + 3600000; caller = $LabCaller; scope = @() } }

function Restart-Service {
    [CmdletBinding()]
    param([string] $Name)
    $service = (Get-ViewOfServer $LabServer).services | Where-Object { $_.name -eq $Name }
    $started = Get-Field $service startedAt
    if ($started) { $started = ConvertTo-Milliseconds (Read-Time $started) }
    $null = Invoke-Verb restartService @{ server = $LabServer; name = $Name; fence = @{ startedAt = $started }; change = Get-Change }
}

function Restart-Computer {
    [CmdletBinding()]
    param([switch] $Force)
    $boot = Read-Time (Get-ViewOfServer $LabServer).bootedAt
    $null = Invoke-Verb restartServer @{ server = $LabServer; fence = @{ bootedAt = ConvertTo-Milliseconds $boot }; change = Get-Change }
}

# ------------------------------------------------------------------------------------------------------------ the own shell

# What SecondResponder.psm1 finds before the real ones, as functions come first.
${function:global:New-PSSession} = ${function:New-PSSession}
${function:global:Remove-PSSession} = ${function:Remove-PSSession}
${function:global:New-PSSessionOption} = ${function:New-PSSessionOption}
${function:global:Get-Date} = ${function:Get-Date}

Export-ModuleMember -Function ($ExchangeCommands + $WindowsCommands + @('Initialize-LabSession', 'Get-LabSession', 'New-PSSession', 'Remove-PSSession', 'New-PSSessionOption'))
