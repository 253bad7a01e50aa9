# Sessions: opens, keeps and closes the two channels, and runs commands in them. Part of SecondResponder.psm1.

# Milliseconds. The shortest idle timeout that WinRM accepts: a session that could not be closed ends after it.
$SessionIdleTimeout = 60000
$OpenTimeout = 30000
# A server that did not answer is tried last for this long.
$AvoidMilliseconds = 60000
$TargetModule = [IO.File]::ReadAllText([IO.Path]::Combine($PSScriptRoot, 'SecondResponder.Target.psm1'))

# The sessions that this shell keeps open, by channel: a session and the server it leads to.
$Sessions = @{}
# When a server last did not answer, by this shell's stopwatch.
$Avoided = @{}
$Watch = [Diagnostics.Stopwatch]::StartNew()
$Deadline = 0

# Every exported function calls this first: the time limit counts from here.
function Start-Call {
    param($Connection)
    $script:Deadline = $Watch.ElapsedMilliseconds + $Connection.timeLimit
}

function Get-Remaining {
    [int] [Math]::Max([long] 0, [Math]::Min([long] 2147483647, $script:Deadline - $Watch.ElapsedMilliseconds))
}

function New-Options {
    param($Connection)
    # English messages, so that Get-FailureCode can match them. The caller is visible to the remote side in the application arguments.
    New-PSSessionOption -OpenTimeout $OpenTimeout -OperationTimeout $Connection.timeLimit -IdleTimeout $SessionIdleTimeout -Culture 'en-US' -UICulture 'en-US' `
        -ApplicationArguments @{ SecondResponder = [string] $Connection.caller }
}

function Open-Session {
    param([hashtable] $How, $Connection)
    $How.SessionOption = New-Options $Connection
    if ($Connection.credentialFile) { $How.Credential = Import-Clixml -LiteralPath $Connection.credentialFile }
    $session = New-PSSession @How
    if (-not $session) { Stop-Call unreachable 'No session was opened, and nothing said why.' }
    $session
}

<#
Opens a session with the first endpoint that accepts one. Endpoints that did not answer lately come later; the server that the call is about comes last.
#>
function Open-ExchangeSession {
    param($Connection)
    $about = ([string] $Connection.target).ToLowerInvariant()
    $order = @($Connection.endpoints | Where-Object { -not (Test-Avoided $_) -and (Get-HostOf $_) -ne $about }) +
        @($Connection.endpoints | Where-Object { (Test-Avoided $_) -and (Get-HostOf $_) -ne $about }) +
        @($Connection.endpoints | Where-Object { (Get-HostOf $_) -eq $about })
    $failures = @()
    $codes = @()
    foreach ($endpoint in $order) {
        $how = @{
            ConfigurationName = 'Microsoft.Exchange'
            ConnectionUri     = Get-UriOf $endpoint
            Authentication    = 'Kerberos'
        }
        try {
            $session = Open-Session $how $Connection
            $Avoided.Remove($endpoint)
            return @{ session = $session; to = $endpoint }
        } catch {
            $cause = Get-Cause $_
            $code = Get-FailureCode $cause -Opening
            $codes += $code
            $failures += "${endpoint}: $(Get-FailureText $cause $code)"
            $Avoided[$endpoint] = $Watch.ElapsedMilliseconds
        }
        if ((Get-Remaining) -eq 0) { break }
    }
    # sessionLimit first, whatever the other endpoints answered: waiting helps.
    $code = (@('sessionLimit', 'unreachable', 'unknown' | Where-Object { $codes -contains $_ }) + $codes)[0]
    Stop-Call $code ($failures -join "`n")
}

function Test-Avoided {
    param([string] $Endpoint)
    $Avoided.ContainsKey($Endpoint) -and $Watch.ElapsedMilliseconds - $Avoided[$Endpoint] -lt $AvoidMilliseconds
}

# An endpoint is a host name, or a URL if the PowerShell virtual directory has another one.
function Get-UriOf {
    param([string] $Endpoint)
    if ($Endpoint -match '^https?://') { return [Uri] $Endpoint }
    [UriBuilder]::new('http', $Endpoint, 80, '/PowerShell/').Uri
}

function Get-HostOf {
    param([string] $Endpoint)
    (Get-UriOf $Endpoint).Host.ToLowerInvariant()
}

<#
Opens the Windows channel. This machine itself needs no remoting. Without the JEA endpoint, the functions of SecondResponder.Target.psm1 are
sent along, always as the same text.
#>
function Open-TargetSession {
    param($Connection)
    try {
        if (Test-ThisMachine $Connection.target) {
            $runspace = [RunspaceFactory]::CreateRunspace()
            $runspace.Open()
            $opened = @{ session = $null; runspace = $runspace }
        } else {
            $how = @{ ComputerName = $Connection.target; ConfigurationName = $Connection.configuration }
            if ($Connection.ssl) { $how.UseSSL = $true }
            $opened = @{ session = Open-Session $how $Connection }
        }
        $opened.to = $Connection.target
        $opened.configuration = $Connection.configuration
    } catch {
        $cause = Get-Cause $_
        $code = Get-FailureCode $cause -Opening
        Stop-Call $code "$($Connection.target): $(Get-FailureText $cause $code)"
    }
    if (-not $opened.session -or $Connection.configuration -ne 'SecondResponder') {
        try {
            $null = Invoke-In $opened 'New-Module' @{} -Functions
        } catch {
            Close-One $opened
            throw
        }
    }
    $opened
}

function Test-ThisMachine {
    param([string] $Name)
    $own = [Net.Dns]::GetHostName()
    $Name.Split('.')[0] -eq $own.Split('.')[0]
}

function Close-One {
    param($Opened)
    try {
        if ($Opened.session) { Remove-PSSession -Session $Opened.session } else { $Opened.runspace.Dispose() }
    } catch {
        # A session that can't be closed ends after its idle timeout.
        Write-Verbose "A session could not be closed: $_"
    }
}

function Close-Session {
    <#
    .SYNOPSIS
    Closes the sessions that this shell keeps open.
    #>
    [CmdletBinding()]
    param()
    foreach ($kind in @($Sessions.Keys)) {
        $opened = $Sessions[$kind]
        $Sessions.Remove($kind)
        Close-One $opened
    }
}

function Get-OpenSession {
    <#
    .SYNOPSIS
    Lists the sessions that this shell keeps open: kind (exchange or target), and the server that each leads to.
    #>
    [CmdletBinding()]
    param()
    foreach ($kind in $Sessions.Keys) { @{ kind = $kind; to = $Sessions[$kind].to } }
}

<#
Runs one command in a session with its parameters, and returns its output. Throws its error. At the time limit it asks the command to stop,
and does not wait for that.
#>
function Invoke-In {
    param($Opened, [string] $Command, [hashtable] $Parameters, [switch] $Functions)
    $shell = [PowerShell]::Create()
    try {
        $shell.Runspace = if ($Opened.session) { $Opened.session.Runspace } else { $Opened.runspace }
        if ($Functions) {
            $null = $shell.AddScript('param($text) $null = New-Module -Name SecondResponder.Target -ScriptBlock ([ScriptBlock]::Create($text))').AddArgument($TargetModule)
        } else {
            $null = $shell.AddCommand($Command).AddParameters($Parameters)
        }
        $running = $shell.BeginInvoke()
        if (-not $running.AsyncWaitHandle.WaitOne((Get-Remaining))) {
            $null = $shell.BeginStop($null, $null)
            Stop-Call timedOut "$Command gave no answer in time."
        }
        $failure = $null
        try {
            $answer = $shell.EndInvoke($running)
        } catch {
            $failure = Get-Cause $_
        }
        foreach ($warning in $shell.Streams.Warning) { Write-Warning $warning.Message }
        if ($failure) { throw $failure }
        # A command that wrote an error and continued has failed too.
        if ($shell.Streams.Error.Count -gt 0) { throw (Get-Cause $shell.Streams.Error[0]) }
        $answer
    } finally {
        # A command that can't be stopped ends with its session.
        if ($shell.InvocationStateInfo.State -notin 'Running', 'Stopping') { $shell.Dispose() }
    }
}

<# Runs a command that only reads, in the session that is kept open for the channel. #>
function Invoke-Over {
    param([string] $Kind, $Connection, [string] $Command, [hashtable] $Parameters)
    $held = $Sessions[$Kind]
    $isNew = -not (Test-Usable $held $Kind $Connection)
    if ($isNew) {
        if ($held) {
            $Sessions.Remove($Kind)
            Close-One $held
        }
        $held = Open-Channel $Kind $Connection
        $Sessions[$Kind] = $held
    }
    try {
        Invoke-In $held $Command $Parameters
    } catch {
        $code = Get-FailureCode $_
        # The session itself failed, and is closed. After any other failure it stays usable.
        if ($code -in 'unreachable', 'timedOut', 'sessionLimit') {
            $Sessions.Remove($Kind)
            Close-One $held
        }
        Stop-Call $code (Get-FailureText $_ $code)
    }
}

function Open-Channel {
    param([string] $Kind, $Connection)
    if ($Kind -eq 'exchange') { Open-ExchangeSession $Connection } else { Open-TargetSession $Connection }
}

function Test-Usable {
    param($Held, [string] $Kind, $Connection)
    if (-not $Held) { return $false }
    if ($Held.session -and [string] $Held.session.State -ne 'Opened') { return $false }
    if ($Kind -eq 'target') { return $Held.to -eq $Connection.target -and $Held.configuration -eq $Connection.configuration }
    if ($Held.to -notin $Connection.endpoints) { return $false }
    # The server that the call is about is used only when there is no other endpoint.
    (Get-HostOf $Held.to) -ne ([string] $Connection.target).ToLowerInvariant() -or @($Connection.endpoints).Count -eq 1
}

<# Parameters for a command, without those that have no value. #>
function Get-Known {
    param([hashtable] $Parameters)
    $all = @{ ErrorAction = 'Stop' }
    foreach ($name in $Parameters.Keys) { if ($null -ne $Parameters[$name]) { $all[$name] = $Parameters[$name] } }
    $all
}

function Get-FromExchange {
    param($Connection, [string] $Command, [hashtable] $Parameters)
    Invoke-Over exchange $Connection $Command (Get-Known $Parameters)
}

# The one row of an answer: none is notFound; more than one is badReply, since nothing says which is meant.
function Get-One {
    param($Connection, [string] $Command, [hashtable] $Parameters)
    $rows = @(Get-FromExchange $Connection $Command $Parameters)
    if ($rows.Count -eq 0) { Stop-Call notFound "$Command found nothing." }
    if ($rows.Count -gt 1) { Stop-Call badReply "$Command found $($rows.Count) things where there must be one." }
    $rows[0]
}

function Get-Controller {
    param($Connection)
    if ($Connection.domainController) { $Connection.domainController }
}

function Get-FromTarget {
    param($Connection, [string] $Command, [hashtable] $Parameters = @{})
    foreach ($row in Invoke-Over target $Connection $Command (Get-Known $Parameters)) { ConvertTo-Plain $row }
}

<# Runs a script block with a session of its own, which is always closed afterwards. Changes use this. #>
function Use-OwnSession {
    param([string] $Kind, $Connection, [scriptblock] $Do)
    $opened = Open-Channel $Kind $Connection
    try {
        & $Do $opened
    } catch {
        $cause = Get-Cause $_
        $code = Get-FailureCode $cause
        Stop-Call $code (Get-FailureText $cause $code)
    } finally {
        Close-One $opened
    }
}
