<#
.SYNOPSIS
What Second Responder does on an Exchange server itself: services, boot time, restart, and what else goes on there.

.DESCRIPTION
These functions run on the server they are about. They come there in one of two ways: installed, behind a JEA endpoint that offers
nothing else (deploy/jea), or sent over plain WinRM by an account that is a local administrator.

Every change is fenced. It carries what was seen before it was decided (when the process of a service started, when the server
booted) and a time after which it must not be carried out any more. Both are compared here, on the server, under a mutex, right before
the change: a command that was under way for too long, or that comes twice, does nothing and says so. What was done and what was not
stands in the Application log of the server (source SecondResponder), with the incident and the step that asked for it.

Times are milliseconds since 1970 in UTC, by the clock of this server. Every row is flat, with fields of text, numbers and booleans only:
nested values do not survive the way back.

Written to the language of Windows PowerShell 5.1, in ASCII. Nothing that is handed in is ever part of a script, a filter or a pattern.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$EventSource = 'SecondResponder'
$Events = @{ changed = 1; already = 2; refused = 3 }
# Clocks get corrected, and the boot time of Windows moves with them.
$ClockCorrection = 120000
$StateKey = 'HKLM:\SOFTWARE\Microsoft\ExchangeServer\v15\ServerComponentStates'

# --------------------------------------------------------------------------------------------------------------- helpers

# Ends the function with one of the failures that Second Responder knows, in words for its journal.
function Stop-Target {
    param([string] $Code, [string] $Says)
    $failure = [Management.Automation.RuntimeException]::new($Says)
    throw [Management.Automation.ErrorRecord]::new($failure, $Code, 'NotSpecified', $null)
}

function ConvertTo-Milliseconds {
    param([DateTime] $Time)
    [DateTimeOffset]::new($Time.ToUniversalTime()).ToUnixTimeMilliseconds()
}

function Get-Milliseconds { ConvertTo-Milliseconds (Get-Date) }

<# Tells the administrators of this server what was done here, or asked for in vain. A log that can't be written stops nothing. #>
function Write-TargetEvent {
    param([string] $Effect, [string] $Command, [string] $Of, [string] $Caller, [string] $Says)
    $lines = "Command: $Command", "Of: $Of", "Caller: $Caller", "Effect: $Effect", "Says: $Says"
    $type = if ($Effect -eq 'refused') { 'Warning' } else { 'Information' }
    try {
        Write-EventLog -LogName Application -Source $EventSource -EventId $Events[$Effect] -EntryType $type -Message ($lines -join "`r`n")
    } catch {
        Write-Verbose "The Application log can't be written: $_"
    }
}

<#
One change at a time to each thing, whoever asks for it. What another process left behind by dying is taken over. Waiting longer than the
command may be old is of no use.
#>
function Enter-Fence {
    param([string] $Thing, [long] $NotAfter)
    $mutex = [Threading.Mutex]::new($false, 'Global\SecondResponder.' + ($Thing -replace '[^A-Za-z0-9]', '_').ToLowerInvariant())
    $patience = [Math]::Min([long] 600000, [Math]::Max([long] 0, $NotAfter - (Get-Milliseconds)))
    try {
        if ($mutex.WaitOne([int] $patience)) { return $mutex }
    } catch [Threading.AbandonedMutexException] {
        return $mutex
    }
    $mutex.Dispose()
    Stop-Target refused "Another change of $Thing is under way on this server."
}

function Exit-Fence {
    param([Threading.Mutex] $Mutex)
    $Mutex.ReleaseMutex()
    $Mutex.Dispose()
}

<# The last look at the clock, immediately before the change. #>
function Assert-InTime {
    param([string] $Command, [long] $NotAfter)
    $late = (Get-Milliseconds) - $NotAfter
    if ($late -gt 0) { Stop-Target refused "$Command came $late ms too late, and was not carried out." }
}

# ----------------------------------------------------------------------------------------------------------------- looks

function Get-TargetClock {
    <#
    .SYNOPSIS
    The clock of this server, so that a time limit set by another clock means the same here.
    #>
    [CmdletBinding()]
    param()
    [pscustomobject] @{ now = Get-Milliseconds }
}

function Get-TargetBoot {
    <#
    .SYNOPSIS
    When Windows was started, and for how many seconds it has run.

    .DESCRIPTION
    The two are measured apart: LastBootUpTime moves when the clock is corrected, the performance counter does not.
    #>
    [CmdletBinding()]
    param()
    $system = Get-CimInstance -ClassName Win32_OperatingSystem
    $booted = ConvertTo-Milliseconds $system.LastBootUpTime
    $counter = try { Get-CimInstance -ClassName Win32_PerfFormattedData_PerfOS_System } catch { $null }
    $uptime = if ($counter) { [long] $counter.SystemUpTime } else { [long] (((Get-Milliseconds) - $booted) / 1000) }
    [pscustomobject] @{ bootedAt = $booted; uptimeSeconds = $uptime }
}

function Get-TargetService {
    <#
    .SYNOPSIS
    One service by its exact name, or all whose names begin with MSExchange: state, start type, and when its process started.
    #>
    [CmdletBinding()]
    param([string] $Name)
    $wanted = 'MSExchange*'
    if ($Name) { $wanted = [Management.Automation.WildcardPattern]::Escape($Name) }
    $services = @(Get-Service -Name $wanted -ErrorAction SilentlyContinue)
    if ($Name) {
        $services = @($services | Where-Object { $_.Name -eq $Name })
        if ($services.Count -eq 0) { Stop-Target notFound "There is no service ""$Name"" on this server." }
    }
    $processes = @{}
    foreach ($one in Get-CimInstance -ClassName Win32_Service) { $processes[$one.Name] = $one.ProcessId }
    foreach ($service in $services) {
        $row = @{
            name      = $service.Name
            status    = ConvertTo-ServiceStatus $service.Status
            startType = [string] $service.StartType
        }
        # While it is stopped it has no process, and its number is 0.
        $process = $processes[$service.Name]
        if ($process -and $row.status -ne 'Stopped') {
            $started = Get-ProcessStart $process
            if ($null -ne $started) { $row.startedAt = $started }
        }
        [pscustomobject] $row
    }
}

# A paused service has a process and does nothing; one that is about to pause or to go on is between two states.
function ConvertTo-ServiceStatus {
    param($Status)
    switch ([string] $Status) {
        'Paused' { 'Stopped' }
        'PausePending' { 'StopPending' }
        'ContinuePending' { 'StartPending' }
        default { $_ }
    }
}

function Get-ProcessStart {
    param([int] $Id)
    try { ConvertTo-Milliseconds (Get-Process -Id $Id).StartTime } catch { $null }
}

function Get-TargetActivity {
    <#
    .SYNOPSIS
    What else goes on on this server that a restart would tear apart, or that would make it long.
    #>
    [CmdletBinding()]
    param()
    $running = @(Get-Process | ForEach-Object { $_.ProcessName })
    $setup = @($running | Where-Object { $_ -like 'ExSetup*' })
    if ($setup.Count -gt 0) { [pscustomobject] @{ kind = 'setup'; says = "$($setup[0]).exe runs" } }
    $servicing = @($running | Where-Object { $_ -in 'TiWorker', 'TrustedInstaller', 'wusa' })
    if ($servicing.Count -gt 0) { [pscustomobject] @{ kind = 'servicing'; says = "$($servicing[0]).exe runs" } }
    if ($running -contains 'wbengine') {
        [pscustomobject] @{ kind = 'backup'; says = 'the Windows Server Backup engine is running' }
    }
    $pending = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired',
        'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending'
    if (@($pending | Where-Object { Test-Path -LiteralPath $_ }).Count -gt 0) {
        [pscustomobject] @{ kind = 'pending-update'; says = 'Windows Update is waiting for a restart' }
    }
}

function Get-TargetRecoveryAction {
    <#
    .SYNOPSIS
    What Managed Availability is doing on this server, and what it has finished since a time.

    .DESCRIPTION
    From its own log, RecoveryActionResults: a record when an action starts and one with the same instance when it has finished. An
    action whose health manager was restarted meanwhile will never be finished by it, and counts as over.
    #>
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)] [long] $Since)
    # What still runs may have started before; none runs for hours.
    $from = [DateTimeOffset]::FromUnixTimeMilliseconds([Math]::Min([long] $Since, (Get-Milliseconds) - 7200000)).LocalDateTime
    $filter = @{ LogName = 'Microsoft-Exchange-ManagedAvailability/RecoveryActionResults'; StartTime = $from }
    $records = try { @(Get-WinEvent -FilterHashtable $filter -Oldest) } catch {
        if ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') { throw }
        @()
    }
    $manager = $null
    foreach ($process in Get-Process -Name MSExchangeHMWorker -ErrorAction SilentlyContinue) {
        $manager = ConvertTo-Milliseconds $process.StartTime
    }
    $byInstance = [ordered] @{}
    foreach ($record in $records) {
        $fields = @{}
        foreach ($field in ([xml] $record.ToXml()).Event.UserData.EventXML.ChildNodes) { $fields[$field.LocalName] = $field.InnerText }
        $row = ConvertTo-RecoveryAction $fields $manager
        $known = $byInstance[[string] $fields['InstanceId']]
        if (-not $known -or $row.state -eq 'finished') { $byInstance[[string] $fields['InstanceId']] = $row }
    }
    foreach ($row in $byInstance.Values) {
        if ($row.state -eq 'started' -or $row.endedAt -ge $Since) { [pscustomobject] $row }
    }
}

function ConvertTo-RecoveryAction {
    param([hashtable] $Fields, $Manager)
    $row = @{
        action    = [string] $Fields['Id']
        resource  = [string] $Fields['ResourceName']
        requester = [string] $Fields['RequestorName']
        state     = 'started'
        startedAt = ConvertFrom-EventTime $Fields['StartTime']
    }
    $state = [string] $Fields['State']
    $ended = ConvertFrom-EventTime $Fields['EndTime']
    $managerThen = ConvertFrom-EventTime $Fields['LamProcessStartTime']
    if ($state -match 'finish' -or ($state -notmatch 'start' -and $null -ne $ended)) {
        $row.state = 'finished'
        $row.endedAt = if ($null -ne $ended) { $ended } else { $row.startedAt }
        $row.result = switch -Regex ([string] $Fields['Result']) { 'succe' { 'succeeded' } 'throttl|skip' { 'throttled' } default { 'failed' } }
    } elseif ($null -ne $Manager -and $null -ne $managerThen -and $Manager -gt $managerThen + 60000) {
        $row.state = 'finished'
        $row.endedAt = $Manager
        $row.result = 'failed'
    }
    $row
}

# The log writes GMT, with or without saying so; a time that was never set is of the year 1.
function ConvertFrom-EventTime {
    param([string] $Text)
    $time = [DateTime]::MinValue
    $styles = [Globalization.DateTimeStyles] 'AssumeUniversal, AdjustToUniversal'
    if (-not [DateTime]::TryParse($Text, [Globalization.CultureInfo]::InvariantCulture, $styles, [ref] $time)) { return $null }
    if ($time.Year -lt 1971) { return $null }
    ConvertTo-Milliseconds $time
}

function Get-TargetComponent {
    <#
    .SYNOPSIS
    Who has asked for which state of which component: what Get-ServerComponentState can't tell over remoting.

    .DESCRIPTION
    From the registry. A value is named after its requester, and holds version, state and time, such as 1:0:635... ; 0 is Inactive, 1 Active,
    2 Draining. What has another form is told as Unknown.
    #>
    [CmdletBinding()]
    param()
    if (-not (Test-Path -LiteralPath $StateKey)) { return }
    foreach ($key in Get-ChildItem -LiteralPath $StateKey) {
        foreach ($requester in $key.GetValueNames()) {
            if (-not $requester) { continue }
            $state = switch -Regex ([string] $key.GetValue($requester)) {
                '^\d+:(0|Inactive):' { 'Inactive'; break }
                '^\d+:(1|Active):' { 'Active'; break }
                '^\d+:(2|Draining):' { 'Draining'; break }
                default { 'Unknown' }
            }
            [pscustomobject] @{ component = $key.PSChildName; requester = $requester; state = $state }
        }
    }
}

# --------------------------------------------------------------------------------------------------------------- changes

function Restart-TargetService {
    <#
    .SYNOPSIS
    Restarts a service, once, if it still is as it was when that was decided.

    .PARAMETER StartedAt
    When its process was seen to have started; -1 when it was seen stopped.

    .PARAMETER NotAfter
    Later than this, by the clock of this server, nothing is done.

    .PARAMETER Caller
    The incident and the step that asks.

    .OUTPUTS
    effect: changed, or already when it has been started since it was looked at. Fails with notFound, or refused when it is not as it was, can't
    be controlled, is disabled, or when the command comes too late.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Name,
        [Parameter(Mandatory = $true)] [long] $StartedAt,
        [Parameter(Mandatory = $true)] [long] $NotAfter,
        [Parameter(Mandatory = $true)] [string] $Caller
    )
    $mutex = $null
    $told = @{ Command = 'Restart-Service'; Of = $Name; Caller = $Caller }
    try {
        # Checked before the fence too, so that a late command is reported as late while another change holds the fence.
        Assert-InTime Restart-Service $NotAfter
        $mutex = Enter-Fence "service $Name" $NotAfter
        Assert-InTime Restart-Service $NotAfter
        $service = Get-TargetService -Name $Name
        $now = if ($service.PSObject.Properties['startedAt']) { $service.startedAt } else { -1 }
        if ($now -ne -1 -and $now -gt $StartedAt) {
            $says = "$($service.name) has been started since it was looked at."
            Write-TargetEvent already @told -Says $says
            return [pscustomobject] @{ effect = 'already'; says = $says }
        }
        if ($now -ne $StartedAt) {
            Stop-Target refused "$($service.name) is not as it was when it was looked at: $($service.status)."
        }
        if ($service.startType -eq 'Disabled') { Stop-Target refused "$($service.name) is disabled." }
        if ($service.status -in 'StopPending', 'StartPending') {
            Stop-Target refused "$($service.name) cannot be controlled now: it is in $($service.status)."
        }
        # Reading all that took its time.
        Assert-InTime Restart-Service $NotAfter
        Invoke-Restart $service.name
        Write-TargetEvent changed @told
        [pscustomobject] @{ effect = 'changed' }
    } catch {
        Write-Refusal $_ $told
        throw
    } finally {
        if ($mutex) { Exit-Fence $mutex }
    }
}

<#
Without -Force: a service that others depend on is not restarted with them. One that was stopped, and could not be started or is not
seen to run, was not refused: something happened, and the next look says what.
#>
function Invoke-Restart {
    param([string] $Name)
    try {
        Restart-Service -Name $Name
    } catch {
        if ($_.FullyQualifiedErrorId -notmatch '^(StopServiceFailed|CouldNotStartService|StartServiceFailed)\b') { throw }
        Stop-Target badReply "$Name was told to restart, and did not: $_"
    }
}

function Restart-TargetComputer {
    <#
    .SYNOPSIS
    Restarts this server, once, if it has not been started since that was decided.

    .PARAMETER BootedAt
    The boot time that was seen.

    .PARAMETER NotAfter
    Later than this, by the clock of this server, nothing is done.

    .PARAMETER Caller
    The incident and the step that asks.

    .OUTPUTS
    effect: changed, or already. Fails with refused when the boot time that was seen lies after the last boot, or when the command comes too late.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [long] $BootedAt,
        [Parameter(Mandatory = $true)] [long] $NotAfter,
        [Parameter(Mandatory = $true)] [string] $Caller
    )
    $mutex = $null
    $told = @{ Command = 'Restart-Computer'; Of = ''; Caller = $Caller }
    try {
        # Checked before the fence too, so that a late command is reported as late while another change holds the fence.
        Assert-InTime Restart-Computer $NotAfter
        $mutex = Enter-Fence 'computer' $NotAfter
        Assert-InTime Restart-Computer $NotAfter
        $boot = Get-TargetBoot
        if ($boot.bootedAt -gt $BootedAt + $ClockCorrection) {
            $says = 'It has been booted since it was looked at.'
            Write-TargetEvent already @told -Says $says
            return [pscustomobject] @{ effect = 'already'; says = $says }
        }
        if ($boot.bootedAt -lt $BootedAt - $ClockCorrection) {
            Stop-Target refused 'The boot time it was looked at with lies after its last boot.'
        }
        Assert-InTime Restart-Computer $NotAfter
        # Before, as there may be no time after it.
        Write-TargetEvent changed @told
        # -Force, as somebody who forgot to log off would keep it from restarting.
        Restart-Computer -Force
        [pscustomobject] @{ effect = 'changed' }
    } catch {
        Write-Refusal $_ $told
        throw
    } finally {
        if ($mutex) { Exit-Fence $mutex }
    }
}

# ---------------------------------------------------------------------------------------------------- scripts of the admin

<#
Both folders are under %ProgramFiles%, where only administrators can write: Scripts holds what an administrator put there, Runs what became
of each run.
#>
function Get-OwnFile {
    param([string] $Folder, [string] $Name)
    [IO.Path]::Combine([Environment]::GetEnvironmentVariable('ProgramFiles'), 'SecondResponder', $Folder, $Name)
}

# A file name without a folder, so that no other file can be meant.
function Get-ScriptPath {
    param([string] $Name)
    if ($Name -cnotmatch '\A[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.ps1\z') { Stop-Target notFound "There is no script ""$Name""." }
    Get-OwnFile Scripts $Name
}

function Get-Sha256 {
    param([IO.Stream] $Stream)
    $hash = [Security.Cryptography.SHA256]::Create()
    try { [BitConverter]::ToString($hash.ComputeHash($Stream)).Replace('-', '').ToLowerInvariant() } finally { $hash.Dispose() }
}

function Get-RunPath {
    param([string] $Run)
    $bytes = [IO.MemoryStream]::new([Text.Encoding]::UTF8.GetBytes($Run))
    Get-OwnFile Runs "$(Get-Sha256 $bytes).txt"
}

<# What became of a run: its first line is the state, the second the process that runs it, the rest what the script wrote. #>
function Read-Run {
    param([string] $Run)
    $path = Get-RunPath $Run
    if (-not [IO.File]::Exists($path)) { return @{ run = 'none'; output = '' } }
    $lines = [IO.File]::ReadAllText($path).Split([char[]] "`n", 3)
    $state = $lines[0]
    if ($state -eq 'running' -and $lines[1] -ne (Get-ProcessMark ([int] $lines[1].Split(' ')[0]))) { $state = 'interrupted' }
    @{ run = $state; output = $lines[2] }
}

# A process and its start: the number alone may belong to another one later.
function Get-ProcessMark {
    param([int] $Id)
    try { "$Id $([Diagnostics.Process]::GetProcessById($Id).StartTime.ToUniversalTime().Ticks)" } catch { '' }
}

<# Written beside the old record and then put in its place, so that a reader finds the one or the other. #>
function Write-Run {
    param([string] $Run, [string] $State, [string] $Output)
    $path = Get-RunPath $Run
    $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($path))
    [IO.File]::WriteAllText("$path.new", ($State, (Get-ProcessMark $PID), $Output -join "`n"))
    if ([IO.File]::Exists($path)) { [IO.File]::Replace("$path.new", $path, [NullString]::Value) } else { [IO.File]::Move("$path.new", $path) }
}

function Get-TargetScript {
    <#
    .SYNOPSIS
    Whether this server has a script of that name with that content, and what became of one run of it.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Name,
        [Parameter(Mandatory = $true)] [string] $Sha256,
        [Parameter(Mandatory = $true)] [string] $Run
    )
    $path = Get-ScriptPath $Name
    $file = 'missing'
    if ([IO.File]::Exists($path)) {
        $stream = [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete')
        try { $file = if ((Get-Sha256 $stream) -eq $Sha256) { 'same' } else { 'different' } } finally { $stream.Dispose() }
    }
    $known = Read-Run $Run
    [pscustomobject] @{ file = $file; run = $known.run; output = $known.output }
}

function Invoke-TargetScript {
    <#
    .SYNOPSIS
    Runs a script that an administrator put on this server, once, if it has the content that was meant.

    .PARAMETER Sha256
    Of the file that is meant. While the script runs, nobody can change the file.

    .PARAMETER Run
    The name of this run: a run that began before is not started again.

    .PARAMETER Parameters
    Values for the parameters of the script: texts, whole numbers and booleans.

    .PARAMETER TimeLimit
    Milliseconds after which it is stopped.

    .PARAMETER Repeat
    Whether a run that was interrupted may start again.

    .OUTPUTS
    effect: changed, or already. What the script did is in Get-TargetScript. Fails with refused when the file is another one, or the command
    comes too late.
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Name,
        [Parameter(Mandatory = $true)] [string] $Sha256,
        [Parameter(Mandatory = $true)] [string] $Run,
        [Parameter(Mandatory = $true)] [hashtable] $Parameters,
        [Parameter(Mandatory = $true)] [int] $TimeLimit,
        [Parameter(Mandatory = $true)] [bool] $Repeat,
        [Parameter(Mandatory = $true)] [long] $NotAfter,
        [Parameter(Mandatory = $true)] [string] $Caller
    )
    $mutex = $null
    $file = $null
    $told = @{ Command = 'Invoke-TargetScript'; Of = $Name; Caller = $Caller }
    try {
        # Checked before the fence too, so that a late command is reported as late while another change holds the fence.
        Assert-InTime Invoke-TargetScript $NotAfter
        $path = Get-ScriptPath $Name
        $mutex = Enter-Fence "script $Name" $NotAfter
        Assert-InTime Invoke-TargetScript $NotAfter
        $known = Read-Run $Run
        if ($known.run -ne 'none' -and -not ($Repeat -and $known.run -eq 'interrupted')) {
            $says = "This run of $Name began before."
            Write-TargetEvent already @told -Says $says
            return [pscustomobject] @{ effect = 'already'; says = $says }
        }
        if (-not [IO.File]::Exists($path)) { Stop-Target refused "$path does not exist." }
        # Open until the script has ended, so that what runs is what was compared.
        $file = [IO.File]::Open($path, 'Open', 'Read', 'Read')
        if ((Get-Sha256 $file) -ne $Sha256) { Stop-Target refused "$path is not the file that was meant." }
        Assert-InTime Invoke-TargetScript $NotAfter
        Write-Run $Run running ''
        $ended = @{ run = 'interrupted'; output = '' }
        try { $ended = Invoke-Script $path $Parameters $TimeLimit } finally { Write-Run $Run $ended.run $ended.output }
        Write-TargetEvent changed @told -Says $ended.run
        [pscustomobject] @{ effect = 'changed' }
    } catch {
        Write-Refusal $_ $told
        throw
    } finally {
        if ($file) { $file.Dispose() }
        if ($mutex) { Exit-Fence $mutex }
    }
}

# How much of what a script wrote is kept: the end, where it says why it failed.
$MostOutput = 4000

<# Runs a file with typed parameters in a runspace of its own. An error that it wrote is a failure, whatever it did after that. #>
function Invoke-Script {
    param([string] $Path, [hashtable] $Parameters, [int] $TimeLimit)
    $shell = [PowerShell]::Create()
    try {
        $null = $shell.AddCommand($Path).AddParameters($Parameters)
        $running = $shell.BeginInvoke()
        $lines = @()
        $run = 'succeeded'
        if ($running.AsyncWaitHandle.WaitOne($TimeLimit)) {
            try { $lines += $shell.EndInvoke($running) } catch {
                $run = 'failed'
                $lines += "ERROR: $($_.Exception.GetBaseException().Message)"
            }
        } else {
            $shell.Stop()
            $run = 'failed'
            $lines += "It did not end within $TimeLimit ms, and was stopped."
        }
        foreach ($warning in $shell.Streams.Warning) { $lines += "WARNING: $warning" }
        foreach ($problem in $shell.Streams.Error) {
            $run = 'failed'
            $lines += "ERROR: $problem"
        }
        $text = @($lines | ForEach-Object { "$_" }) -join "`n"
        @{ run = $run; output = $text.Substring([Math]::Max(0, $text.Length - $MostOutput)) }
    } finally { $shell.Dispose() }
}

function Write-Refusal {
    param($Problem, $Told)
    if ($Problem.FullyQualifiedErrorId -like 'refused*') { Write-TargetEvent refused @Told -Says "$Problem" }
}

Export-ModuleMember -Function Get-TargetClock, Get-TargetBoot, Get-TargetService, Get-TargetActivity, Get-TargetRecoveryAction,
    Get-TargetComponent, Get-TargetScript, Restart-TargetService, Restart-TargetComputer, Invoke-TargetScript
