# Changes: the functions that change something. Each is fenced: it compares the state with what the daemon saw before it decided, right before the
# change, and does nothing after its time. Part of SecondResponder.psm1.

<#
Converts a deadline to the server's clock. A delayed answer moves the deadline earlier, never later: the server's clock is read first.
#>
function Get-TargetDeadline {
    param($Opened, [long] $NotAfter)
    $theirs = (Invoke-In $Opened Get-TargetClock @{}).now
    $NotAfter + ($theirs - (Get-OwnTime))
}

function Restart-FencedService {
    <#
    .SYNOPSIS
    Restarts a service, unless it has been started since the daemon saw it, or it is too late. The server itself compares.

    .PARAMETER StartedAt
    When the process that the daemon saw had started; -1 if the service was stopped.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Name, [long] $StartedAt, [long] $NotAfter)
    Start-Call $Connection
    Use-OwnSession target $Connection {
        param($opened)
        $parameters = @{ Name = $Name; StartedAt = $StartedAt; NotAfter = Get-TargetDeadline $opened $NotAfter; Caller = $Connection.caller; ErrorAction = 'Stop' }
        ConvertTo-Plain (Invoke-In $opened Restart-TargetService $parameters)
    }
}

function Restart-FencedServer {
    <#
    .SYNOPSIS
    Restarts a server, unless it has booted since the daemon saw it, or it is too late. The server itself compares.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [long] $BootedAt, [long] $NotAfter)
    Start-Call $Connection
    Use-OwnSession target $Connection {
        param($opened)
        $parameters = @{ BootedAt = $BootedAt; NotAfter = Get-TargetDeadline $opened $NotAfter; Caller = $Connection.caller; ErrorAction = 'Stop' }
        ConvertTo-Plain (Invoke-In $opened Restart-TargetComputer $parameters)
    }
}

function Invoke-FencedScript {
    <#
    .SYNOPSIS
    Runs a script that an administrator put on the server, once for each run, unless it has another content or it is too late. The server itself
    compares. Only the name, the hash and the values are sent.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Name, [string] $Sha256, [string] $Run, [hashtable] $Parameters, [int] $TimeLimit, [bool] $Repeat, [long] $NotAfter)
    Start-Call $Connection
    Use-OwnSession target $Connection {
        param($opened)
        $given = @{
            Name = $Name; Sha256 = $Sha256; Run = $Run; Parameters = $Parameters; TimeLimit = $TimeLimit; Repeat = $Repeat
            NotAfter = Get-TargetDeadline $opened $NotAfter; Caller = $Connection.caller; ErrorAction = 'Stop'
        }
        ConvertTo-Plain (Invoke-In $opened Invoke-TargetScript $given)
    }
}

<#
Changes one Exchange setting, if it still has the value that the daemon saw. Exchange's commands take no conditions, so the comparison is made here,
in the session that sends the change and right before it: one change at a time on this machine, and none after its deadline. Returns the domain
controller that was written to, so that the next read goes to the same one.
#>
function Set-FencedSetting {
    param($Connection, [string] $Setting, [bool] $Wanted, [bool] $Seen, [long] $NotAfter, [string] $Read, [string] $Write, [hashtable] $Of, [string] $Parameter)
    $mutex = [Threading.Mutex]::new($false, 'Global\SecondResponder.' + ($Setting -replace '[^A-Za-z0-9]', '_').ToLowerInvariant())
    try {
        try { $mine = $mutex.WaitOne((Get-Remaining)) } catch [Threading.AbandonedMutexException] { $mine = $true }
        if (-not $mine) { Stop-Call refused "Another change of $Setting is under way." }
        Use-OwnSession exchange $Connection {
            param($opened)
            $controller = Get-Controller $Connection
            $rows = @(Invoke-In $opened $Read (Get-Known ($Of + @{ DomainController = $controller })))
            if ($rows.Count -ne 1) { Stop-Call notFound "$Read found $($rows.Count) things where there must be one." }
            if (-not $controller) { $controller = Get-Field $rows[0] OriginatingServer }
            $now = ConvertTo-Boolean (Get-Needed $rows[0] $Parameter)
            $answer = @{ effect = 'changed' }
            Add-Known $answer domainController ([string] $controller)
            if ($now -eq $Wanted) {
                $answer.effect = 'already'
                $answer.says = "It is $("$now".ToLowerInvariant()) already."
                return $answer
            }
            if ($now -ne $Seen) {
                Stop-Call refused "It is $("$now".ToLowerInvariant()), and was $("$Seen".ToLowerInvariant()) when it was looked at."
            }
            $late = (Get-OwnTime) - $NotAfter
            if ($late -gt 0) { Stop-Call refused "$Write came $late ms too late, and was not carried out." }
            $null = Invoke-In $opened $Write (Get-Known ($Of + @{ $Parameter = $Wanted; DomainController = $controller; Confirm = $false }))
            $answer
        }
    } finally {
        if ($mine) { $mutex.ReleaseMutex() }
        $mutex.Dispose()
    }
}

function Set-ActivationBlock {
    <#
    .SYNOPSIS
    Blocks database activation on a server and moves active databases away, or lifts the block, if the setting still has the value that the daemon saw.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [bool] $Blocked, [bool] $Seen, [long] $NotAfter)
    Start-Call $Connection
    Set-FencedSetting $Connection "activation $Server" $Blocked $Seen $NotAfter Get-MailboxServer Set-MailboxServer @{ Identity = $Server } DatabaseCopyActivationDisabledAndMoveNow
}

function Set-ProtocolLog {
    <#
    .SYNOPSIS
    Switches the protocol log of IMAP or POP on or off, if it still has the value that the daemon saw. It takes effect when the service restarts.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [ValidateSet('imap', 'pop')] [string] $Protocol, [bool] $Enabled, [bool] $Seen, [long] $NotAfter)
    Start-Call $Connection
    $read = Get-SettingsCommand Get $Protocol
    $write = Get-SettingsCommand Set $Protocol
    # Always with -Server: without it, Exchange would change the server that the session runs on.
    Set-FencedSetting $Connection "$Protocol log $Server" $Enabled $Seen $NotAfter $read $write @{ Server = $Server } ProtocolLogEnabled
}
