<#
.SYNOPSIS
How Second Responder asks Exchange, and Windows on Exchange servers: one function for each of its verbs.

.DESCRIPTION
The daemon keeps a PowerShell running, loads this module in it, and calls its functions with data. There are two channels:

    Exchange  a session with the endpoint Microsoft.Exchange, on one of the servers that the configuration names. The endpoint has no
              language: it takes one command with its parameters, never a script. So nothing that is handed in can be read as code there.
    Windows   a session with the server that it is about: the JEA endpoint SecondResponder, or plain WinRM. The functions that are called
              there are those of SecondResponder.Target.psm1; over plain WinRM that file is sent along. They compare and act on the server.

A shell holds at most one session of each kind for looks, and Close-Session ends them: the daemon calls it when a shell has had nothing to do for a
while, so that none is held across a wait. A change has a session of its own, which is closed right after it. Sessions go to a server other
than the one they are about where there is one.

Every function takes a connection, which says how to get there:

    endpoints          servers for the Exchange channel, in the order in which they are tried
    target             the server's full name, for the Windows channel
    configuration      the endpoint of the Windows channel: SecondResponder (JEA) or Microsoft.PowerShell
    ssl                whether the Windows channel uses TLS
    credentialFile     a credential that Export-Clixml has written on this machine for this account; empty: the account itself
    domainController   where settings are read and written; empty: wherever a change was made, or Exchange's choice
    unspecifiedTimes   utc or local: what times mean that come without saying it
    timeLimit          milliseconds for the whole call
    caller             who asks; goes to the far side along with the session

They put out plain data: texts, numbers, booleans, lists; times as milliseconds since 1970 in UTC. A call that fails says so by one of unreachable,
accessDenied, sessionLimit, timedOut, refused, notFound, badReply, unknown, with the server's own words. Warnings of Exchange are passed on, since
some of its commands report their failure so.

Written to the language of Windows PowerShell 5.1, in ASCII.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# The shortest that WinRM takes: a session that nobody could close is gone after it.
$SessionIdleTimeout = 60000
$OpenTimeout = 30000
# A server that did not answer is asked last for so long.
$AvoidMilliseconds = 60000
$TargetModule = [IO.File]::ReadAllText([IO.Path]::Combine($PSScriptRoot, 'SecondResponder.Target.psm1'))
$FailureCodes = 'unreachable', 'accessDenied', 'sessionLimit', 'timedOut', 'refused', 'notFound', 'badReply', 'unknown'

# What this shell holds open, by kind: a session and where it leads.
$Sessions = @{}
# When a server last did not answer, by the shell's own clock.
$Avoided = @{}
$Watch = [Diagnostics.Stopwatch]::StartNew()
$Deadline = 0

# -------------------------------------------------------------------------------------------------------------- failures

# Ends the call with one of the port's failures.
function Stop-Call {
    param([string] $Code, [string] $Says)
    $failure = [Management.Automation.RuntimeException]::new($Says)
    throw [Management.Automation.ErrorRecord]::new($failure, $Code, 'NotSpecified', $null)
}

<# What the far side failed with: calling it wraps that once more. #>
function Get-Cause {
    param($Record)
    $exception = $Record.Exception
    if ($exception -isnot [Management.Automation.MethodInvocationException]) { return $Record }
    while ($exception -is [Management.Automation.MethodInvocationException] -and $exception.InnerException) { $exception = $exception.InnerException }
    if ($exception -is [Management.Automation.IContainsErrorRecord] -and $exception.ErrorRecord) { $exception.ErrorRecord } else { $Record }
}

<#
The numbers by which Windows, WinRM and Kerberos tell their failures apart in every language: as a Windows error, or as an HRESULT (an HRESULT of
the form 0x8007nnnn is the Windows error nnnn). Source: winerror.h and wsmerror.h of the Windows SDK.
#>
$NumbersOf = @{
    sessionLimit = @(
        0x8033803F # QUOTA_LIMIT
        0x803381A5; 0x803381A6; 0x803381A7; 0x803381A8; 0x803381AB # shells, operations, load of the user, load of the server, users
        0x803381E4; 0x803381E5; 0x803381E6; 0x803381E7; 0x803381E8; 0x803381E9; 0x803381EA # the same, of one endpoint
    )
    accessDenied = @(
        5 # access denied
        1326; 1327; 1328; 1329; 1330; 1331; 1385; 1793; 1907; 1909 # log-on failed, or the account may not log on now, here or so
        0x8009030C; 0x8009030D; 0x8009030E # Kerberos: log-on denied, unknown credentials, no credentials
        0x803381AC; 0x803381E3 # remote shells not allowed, remote connections not allowed
    )
    unreachable  = @(
        53; 64; 121; 995; 1115; 1311; 1722; 1723; 1726; 1727; 1753; 11001 # network, a server that shuts down, no domain controller, RPC, no such host
        0x80090303; 0x80090311; 0x80090322; 0x80090324 # Kerberos: unknown target, no domain controller, another server, clocks too far apart
        0x80338012; 0x80338112; 0x80338113; 0x80338126 # WinRM does not listen, is not there, no such address, no connection in time
    )
    timedOut     = @(1460; 0x80338029; 0x80131505) # timeout, WSMan operation, .NET
}

<#
The names that PowerShell gives to such numbers when a session fails (the first part of the error id), and Exchange to its own failures
(FailureCategory=<where>-<exception>, or the type of the exception). Neither is translated. First match wins.
#>
$NamesOf = @(
    @('sessionLimit', 'OverBudget|Throttl|ServerBusy|QuotaExceeded|LimitsExceeded|TooMany'),
    @('accessDenied', '^(AccessDenied|LogonFailure|RemoteSessionDisallowed|RemoteConnectionDisallowed)$|AccessDenied|UnauthorizedAccess|AuthenticationException|SecurityException|CommandNotFound|^NamedParameterNotFound$'),
    @('unreachable', ('^(PSSessionStateBroken|NetworkPathNotFound|ComputerNotFound|AuthenticationFailed|ImproperResponse|WinRMOperationTimeout|URLNotAvailable|CannotConnect\w*|' +
        'ShutDownInProgress|WinRMOperationAborted|WinRMHttpError|TargetUnknown|InvalidShellID)$|RpcException|ServerUnavailable|ADTransient|ADServer|Suitability|' +
        'NoSuitableServer|MapiExceptionNetworkError|SocketException|WebException|EndpointNotFound')),
    @('timedOut', 'Timeout'),
    @('notFound', 'NotFound|CannotFind'),
    @('refused', '^(CouldNotStopService|ServiceHasDependentServices|InvalidOperation|InvalidArgument|InvalidData|InvalidType|ResourceExists|NotImplemented|NotEnabled|MetadataError)$|^(Argument|InvalidOperation|NotSupported|ParameterBinding)\w*Exception$')
)

<# What PowerShell's own categories say, where nothing said more. #>
$CategoryOf = @{
    PermissionDenied = 'accessDenied'; SecurityError = 'accessDenied'; AuthenticationError = 'accessDenied'
    LimitsExceeded = 'sessionLimit'; QuotaExceeded = 'sessionLimit'
    ConnectionError = 'unreachable'
    OperationTimeout = 'timedOut'
    ObjectNotFound = 'notFound'
    InvalidOperation = 'refused'; InvalidArgument = 'refused'; InvalidData = 'refused'; InvalidType = 'refused'; ResourceExists = 'refused'
    NotImplemented = 'refused'; NotEnabled = 'refused'
}

<#
Words, for failures that come without a name or a number: in English, which the sessions ask for. Names of settings (MaxConcurrency, throttling
policy) are the same in every language.
#>
$Throttled = 'MaxConcurrency|MaxTenantConcurrency|MaxRunspaces|MaxTenantRunspaces|MaxCmdlets|MaxDestructiveCmdlets|MaxCmdletQueueDepth|ThrottlingPolicy|' +
    'policy party|throttl|exceeded your budget|budget to create|maximum number of (connections|active requests|concurrent)|concurrent (shells|operations|users|connections)|' +
    'load quota|slower rate|too many (users|requests|connections|sessions)|exceeded the maximum number of users'
$WordsOf = @(
    @('accessDenied', 'access (is |was )?denied|logon failure|user ?name or password|not authorized|any management roles?|account .{0,40}(disabled|locked|expired|restriction)|password .{0,40}expired'),
    @('notFound', "(couldn't|could not|was not|wasn't|cannot|can't) be found|was not found|wasn't found|(couldn't|can't|cannot|could not) find"),
    @('unreachable', 'RPC server is unavailable|cannot contact|is not reachable|connection .{0,200}(broken|closed|reset)|server name cannot be resolved|Active Directory server .{0,200} is not available'),
    @('timedOut', 'timed out|time-out')
)

<# The first of a list of pairs (code, pattern) whose pattern fits one of the texts. #>
function Find-Code {
    param([object[]] $List, [string[]] $Texts)
    foreach ($pair in $List) { foreach ($text in $Texts) { if ($text -and $text -match $pair[1]) { return $pair[0] } } }
}

<# The numbers that a failure carries: of its exceptions, in its id, and in its text. #>
function Get-FailureNumbers {
    param($Record, [string] $Id, [string] $Says)
    $found = @()
    for ($exception = $Record.Exception; $exception; $exception = $exception.InnerException) {
        foreach ($name in 'ErrorCode', 'NativeErrorCode', 'HResult') {
            $property = $exception.PSObject.Properties[$name]
            if ($property -and $property.Value -is [int]) { $found += $property.Value }
        }
    }
    if ($Id -match '^-?\d{1,10}$') { $found += [long] $Id }
    foreach ($match in [Regex]::Matches($Says, '0x8[0-9a-fA-F]{7}\b')) { $found += [Convert]::ToInt32($match.Value, 16) }
    foreach ($match in [Regex]::Matches($Says, '(?<![\w.-])-21\d{8}\b')) { $found += [long] $match.Value }
    foreach ($number in $found) {
        if (($number -band 0xFFFF0000L) -eq 0x80070000L) { $number -band 0xFFFF } else { $number }
    }
}

<#
What kind of failure it is: by numbers and names, which are the same in every language, and by words last. What nobody knows stays unknown, with
its words: it may have taken effect.
#>
function Get-FailureCode {
    param($Record, [switch] $Opening)
    $whole = [string] $Record.FullyQualifiedErrorId
    $id = $whole.Split(',')[0]
    if ($id -cin $FailureCodes) { return $id }
    # What comes from a server has no bound; what tells failures apart stands at its beginning.
    $says = [string] $Record
    if ($says.Length -gt 4000) { $says = $says.Substring(0, 4000) }
    $reason = [string] $Record.CategoryInfo.Reason
    $exchange = [Regex]::Match("$whole $says", 'FailureCategory=(\w+)-(\w+)')
    $thrown = if ($exchange.Success) { $exchange.Groups[2].Value } else { '' }

    # Exchange answers with AuthorizationException to an account that may come in, and has come in too often.
    if ($says -match $Throttled) { return 'sessionLimit' }
    $numbers = @(Get-FailureNumbers $Record $id $says)
    foreach ($code in 'sessionLimit', 'accessDenied', 'unreachable', 'timedOut') {
        foreach ($number in $numbers) { if ($number -in $NumbersOf[$code]) { return Get-CodeInPlace $code $Opening } }
    }
    # A command or a parameter that the account has no role for is not there for it: that is accessDenied too.
    $code = Find-Code $NamesOf @($id, $thrown, $reason)
    if (-not $code -and "$thrown $reason" -match 'AuthorizationException') { $code = 'accessDenied' }
    if (-not $code -or $code -eq 'refused') {
        $said = Find-Code $WordsOf @($says)
        if ($said) { $code = $said }
    }
    # Every failure to open a session is one of remoting's; a session that was open has broken.
    if (-not $code -and -not $Opening -and $reason -match 'PSRemoting') { $code = 'unreachable' }
    if (-not $code) { $code = $CategoryOf[[string] $Record.CategoryInfo.Category] }
    # A command that Exchange itself failed said no, in words of its own.
    if (-not $code -and $exchange.Success -and $exchange.Groups[1].Value -eq 'Cmdlet') { $code = 'refused' }
    if (-not $code) { return 'unknown' }
    Get-CodeInPlace $code $Opening
}

<# While a session is opened nothing has been looked for, and nothing has run. #>
function Get-CodeInPlace {
    param([string] $Code, [bool] $Opening)
    if (-not $Opening) { return $Code }
    switch ($Code) {
        'timedOut' { 'unreachable' }
        'notFound' { 'unreachable' }
        'refused' { 'unknown' }
        default { $Code }
    }
}

function Get-FailureText {
    param($Record, [string] $Code)
    $says = [string] $Record
    if ($Code -eq 'accessDenied' -and [string] $Record.CategoryInfo.Reason -match 'CommandNotFound|ParameterBinding') {
        return "$says (The account has no role with this command or parameter: deploy/jea/New-SecondResponderRole.ps1 makes one.)"
    }
    # A name or a number can be looked up in any language; words can't.
    $id = ([string] $Record.FullyQualifiedErrorId).Split(',')[0]
    if ($Code -in 'unknown', 'unreachable', 'accessDenied', 'sessionLimit' -and $id -match '^(-?\d{1,10}|[A-Z]\w{1,60})$' -and -not $says.Contains($id)) { return "$says [$id]" }
    $says
}

# -------------------------------------------------------------------------------------------------------------- sessions

# Every function begins with it: from here on the limit counts.
function Start-Call {
    param($Connection)
    $script:Deadline = $Watch.ElapsedMilliseconds + $Connection.timeLimit
}

function Get-Remaining {
    [int] [Math]::Max([long] 0, [Math]::Min([long] 2147483647, $script:Deadline - $Watch.ElapsedMilliseconds))
}

function New-Options {
    param($Connection)
    # Texts in English, so that they can be told apart; who asks goes along, where the far side can see it.
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

<# Opens a session with the first endpoint that will have us. A sick one is tried last, and so is the server in question. #>
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
    # A session that would be there later is worth waiting for, whatever the others said.
    $code = (@('sessionLimit', 'unreachable', 'unknown' | Where-Object { $codes -contains $_ }) + $codes)[0]
    Stop-Call $code ($failures -join "`n")
}

function Test-Avoided {
    param([string] $Endpoint)
    $Avoided.ContainsKey($Endpoint) -and $Watch.ElapsedMilliseconds - $Avoided[$Endpoint] -lt $AvoidMilliseconds
}

# An endpoint is a host, or an address where the virtual directory has another one than usual.
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
Opens the Windows channel. On this machine itself no remoting is needed. Over plain WinRM the functions of the target are sent along, as
a text that is the same each time.
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
        # What can't be closed ends by itself, after its idle timeout.
        Write-Verbose "A session could not be closed: $_"
    }
}

function Close-Session {
    <#
    .SYNOPSIS
    Ends the sessions that this shell holds open.
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
    The sessions that this shell holds open: kind (exchange or target), and the server that each leads to.
    #>
    [CmdletBinding()]
    param()
    foreach ($kind in $Sessions.Keys) { @{ kind = $kind; to = $Sessions[$kind].to } }
}

# -------------------------------------------------------------------------------------------------------------- commands

<#
Runs one command in a session, with its parameters as they are, and puts out what it returned. Throws what it failed with. Past the time
limit the command is stopped, as far as it lets itself be stopped.
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
        # A command that goes on after an error has not done what it was asked for.
        if ($shell.Streams.Error.Count -gt 0) { throw (Get-Cause $shell.Streams.Error[0]) }
        $answer
    } finally {
        # What can't be stopped is left to the end of its session.
        if ($shell.InvocationStateInfo.State -notin 'Running', 'Stopping') { $shell.Dispose() }
    }
}

<# Runs a command over a channel, in the session that is held open for looks. #>
function Invoke-Over {
    param([string] $Kind, $Connection, [string] $Command, [hashtable] $Parameters)
    $held = $Sessions[$Kind]
    $anew = -not (Test-Usable $held $Kind $Connection)
    if ($anew) {
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
        # A session that failed in itself is of no more use; a command that failed is no reason to give it up.
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
    # Not through the server that it is about, when others are there.
    (Get-HostOf $Held.to) -ne ([string] $Connection.target).ToLowerInvariant() -or @($Connection.endpoints).Count -eq 1
}

<# Parameters for a command of Exchange; those without a value are left out. #>
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

function Get-FromTarget {
    param($Connection, [string] $Command, [hashtable] $Parameters = @{})
    foreach ($row in Invoke-Over target $Connection $Command (Get-Known $Parameters)) { ConvertTo-Plain $row }
}

<# Runs changes in a session of their own, which is closed whatever happens. #>
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

# --------------------------------------------------------------------------------------------------------------- plain data

# A row without what remoting adds to it.
function ConvertTo-Plain {
    param($Row)
    $plain = @{}
    foreach ($property in $Row.PSObject.Properties) {
        if ($property.Name -notin 'PSComputerName', 'RunspaceId', 'PSShowComputerName', 'PSSourceJobInstanceId') { $plain[$property.Name] = $property.Value }
    }
    $plain
}

<# A property of a row that came over the wire; nothing where it has none, as versions of Exchange differ. #>
function Get-Field {
    param($Row, [string] $Name)
    $property = $Row.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

# A field that must be there: without it the row says nothing.
function Get-Needed {
    param($Row, [string] $Name)
    $value = Get-Field $Row $Name
    if ($null -eq $value -or '' -eq [string] $value) { Stop-Call badReply "A row of the answer has no $Name." }
    [string] $value
}

<# An instant; nothing for a time that was never set. #>
function ConvertTo-Instant {
    param($Time, $Connection)
    if ($null -eq $Time -or '' -eq [string] $Time) { return $null }
    if ($Time -isnot [DateTime]) {
        $read = [DateTime]::MinValue
        if (-not [DateTime]::TryParse([string] $Time, [Globalization.CultureInfo]::GetCultureInfo('en-US'), 'RoundtripKind', [ref] $read)) { return $null }
        $Time = $read
    }
    if ($Time.Year -lt 1971) { return $null }
    if ($Time.Kind -eq 'Unspecified') { $Time = [DateTime]::SpecifyKind($Time, $(if ($Connection.unspecifiedTimes -eq 'local') { 'Local' } else { 'Utc' })) }
    [DateTimeOffset]::new($Time.ToUniversalTime()).ToUnixTimeMilliseconds()
}

# A number of seconds, or a time span; $null where it is neither.
function ConvertTo-Second {
    param($Value)
    $text = [string] $Value
    $seconds = 0L
    $span = [TimeSpan]::Zero
    if ([long]::TryParse($text, [ref] $seconds)) { return [Math]::Max(0L, $seconds) }
    if ([TimeSpan]::TryParse($text, [Globalization.CultureInfo]::InvariantCulture, [ref] $span)) { return [long] [Math]::Max(0, $span.TotalSeconds) }
    $null
}

# Adds a field where there is something to say.
function Add-Known {
    param([hashtable] $Row, [string] $Name, $Value)
    if ($null -ne $Value -and '' -ne [string] $Value) { $Row[$Name] = $Value }
}

# The last part of contoso.com/Configuration/Sites/Tokyo, and the first of mbx1.contoso.com.
function Get-LastPart { param($Text) ([string] $Text).Split('/')[-1] }
function Get-ShortName { param($Text) (Get-LastPart $Text).Split('.')[0].ToLowerInvariant() }

function ConvertTo-Boolean {
    param($Value)
    $Value -is [bool] -and $Value -or [string] $Value -eq 'True'
}

# --------------------------------------------------------------------------------------------------------------------- looks

function Get-Organisation {
    <#
    .SYNOPSIS
    Every Exchange server with roles, version, site and group. Edge servers stand outside of it and are left out.
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
        # From 2016 on every mailbox server is a client access server too, whatever its list of roles says.
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

# Version 15.1 (Build 2507.6), or an object with the two numbers.
function Get-Version {
    param($Display)
    if ([string] $Display -match '(\d+)\.(\d+)') { return "$($Matches[1]).$($Matches[2])" }
    "$(Get-Field $Display Major).$(Get-Field $Display Minor)"
}

function Get-HealthRow {
    <#
    .SYNOPSIS
    Every monitor of a server with its state: Get-ServerHealth.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server)
    Start-Call $Connection
    foreach ($monitor in Get-FromExchange $Connection Get-ServerHealth @{ Identity = $Server }) {
        # A server has hundreds of these: each is gone through once.
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
        # Exchange's own spelling. 0 is a monitor that no clock drives; absent or unreadable is unknown, and not 0.
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
    Runs a probe now: Invoke-MonitoringProbe. A probe that is refused gives a warning and nothing else.

    .PARAMETER Identity
    HealthSet\Probe, or HealthSet\Probe\TargetResource.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [string] $Identity)
    Start-Call $Connection
    $types = 'Abandoned', 'TimedOut', 'Poisoned', 'Succeeded', 'Failed', 'Quarantined', 'Rejected'
    foreach ($result in Get-FromExchange $Connection Invoke-MonitoringProbe @{ Identity = $Identity; Server = $Server }) {
        # The page calls the property Result; a text, or a number when remoting could not keep the text.
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
    The database copies on a server: Get-MailboxDatabaseCopyStatus -Server. Never without one, as Exchange would answer for the whole organisation.
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
    All copies of one database: Get-MailboxDatabaseCopyStatus -Identity.
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
Whether a copy is kept behind on purpose, from pairs such as [MBX1, 7.00:00:00]. What can't be read counts as lagged: such a copy is not
one to rely on.
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
    What decides about active databases on a server: Get-MailboxServer.
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
    Members of a database availability group, which of them are up, and its witness: Get-DatabaseAvailabilityGroup -Status.
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
    # A group of an odd number of members has a witness and does not use it.
    $share = [string] (Get-Field $group WitnessShareInUse)
    $witness = Get-Field $group WitnessServer
    if ($witness -and $share -ne 'None') { $row.witness = @{ server = Get-ShortName $witness; up = $share -in 'Primary', 'Alternate' } }
    $row
}

function Get-ProtocolLog {
    <#
    .SYNOPSIS
    Whether the protocol log of IMAP or POP is on, and where it lies: Get-ImapSettings, Get-PopSettings.
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

function Get-Controller {
    param($Connection)
    if ($Connection.domainController) { $Connection.domainController }
}

# The one row that a question has; none is notFound, more can't be told apart.
function Get-One {
    param($Connection, [string] $Command, [hashtable] $Parameters)
    $rows = @(Get-FromExchange $Connection $Command $Parameters)
    if ($rows.Count -eq 0) { Stop-Call notFound "$Command found nothing." }
    if ($rows.Count -gt 1) { Stop-Call badReply "$Command found $($rows.Count) things where there must be one." }
    $rows[0]
}

function Get-ComponentState {
    <#
    .SYNOPSIS
    The state of every component, and who asked for it.

    .DESCRIPTION
    Get-ServerComponentState has the state that counts. Who asked for it does not survive remoting, and is read from the server's registry. What is
    Inactive and nobody there asked for was asked for elsewhere: its requester is Unknown.
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
    One service of a server, or all of Exchange's.
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
    What Managed Availability does on a server, and has done since a time.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [long] $Since)
    Start-Call $Connection
    Get-FromTarget $Connection Get-TargetRecoveryAction @{ Since = $Since }
}

function Get-Activity {
    <#
    .SYNOPSIS
    What else goes on on a server: what its processes and its registry show, and copies that are being seeded.

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
    When a server was started, and for how long it has run.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection)
    Start-Call $Connection
    Get-FromTarget $Connection Get-TargetBoot
}

# ------------------------------------------------------------------------------------------------------------------ the way there

function Test-Shell {
    <#
    .SYNOPSIS
    What this PowerShell is, and as whom it goes to the servers: for "second-responder doctor".
    #>
    [CmdletBinding()]
    param([hashtable] $Connection)
    Start-Call $Connection
    $windows = [string] [Environment]::OSVersion.Platform -eq 'Win32NT'
    $row = @{
        version   = $PSVersionTable.PSVersion.ToString()
        edition   = [string] $PSVersionTable.PSEdition
        windows   = $windows
        machine   = [Net.Dns]::GetHostName()
        utcOffset = [long] [TimeZoneInfo]::Local.GetUtcOffset([DateTime]::UtcNow).TotalMilliseconds
        now       = Get-OwnTime
    }
    try {
        $row.account = if ($Connection.credentialFile) {
            [string] (Import-Clixml -LiteralPath $Connection.credentialFile).UserName
        } elseif ($windows) {
            [Security.Principal.WindowsIdentity]::GetCurrent().Name
        } else {
            [Environment]::UserName
        }
    } catch {
        $row.credentialTrouble = [string] $_
    }
    $row
}

function Test-Endpoint {
    <#
    .SYNOPSIS
    Opens a session with the one endpoint that the connection names, and closes it: how long that took, and which commands are not offered there.
    For "second-responder doctor". Exchange shows an account only the commands that it may use.

    .PARAMETER Commands
    The names of the commands that are used.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string[]] $Commands)
    Start-Call $Connection
    $began = $Watch.ElapsedMilliseconds
    Use-OwnSession exchange $Connection {
        param($opened)
        $row = @{ openedAfter = $Watch.ElapsedMilliseconds - $began; missing = @(Get-Missing $opened $Commands) }
        if ($row.missing -notcontains 'Get-ExchangeServer') {
            # A session that opens is not yet one that answers.
            try {
                $null = Invoke-In $opened Get-ExchangeServer (Get-Known @{ Identity = Get-HostOf $opened.to })
            } catch {
                # It may have another name here than in the organisation.
                if ((Get-FailureCode (Get-Cause $_)) -ne 'notFound') { throw }
            }
        }
        $row
    }
}

function Test-Target {
    <#
    .SYNOPSIS
    Opens a session with Windows on a server, and closes it: how long that took, which functions are not there, and by how many milliseconds the
    server's clock is ahead of this machine's, give or take. For "second-responder doctor".

    .PARAMETER Functions
    The names of the functions that are called there.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string[]] $Functions)
    Start-Call $Connection
    $began = $Watch.ElapsedMilliseconds
    Use-OwnSession target $Connection {
        param($opened)
        $row = @{ openedAfter = $Watch.ElapsedMilliseconds - $began; missing = @(Get-Missing $opened $Functions) }
        if ($row.missing -notcontains 'Get-TargetClock') {
            # The first call of a session takes longest; the second says more exactly when it was carried out.
            $null = Invoke-In $opened Get-TargetClock @{}
            $before = Get-OwnTime
            $theirs = (Invoke-In $opened Get-TargetClock @{}).now
            $after = Get-OwnTime
            $row.ahead = $theirs - ($before + $after) / 2
            $row.within = ($after - $before) / 2
        }
        $row
    }
}

# Which of these commands a session does not offer. Names that are not there are no error here.
function Get-Missing {
    param($Opened, [string[]] $Names)
    $offered = @(Invoke-In $Opened Get-Command @{ Name = $Names; ErrorAction = 'SilentlyContinue' } | ForEach-Object { $_.Name })
    $Names | Where-Object { $offered -notcontains $_ }
}

# -------------------------------------------------------------------------------------------------------------------- changes

<#
Until when a command may be carried out, by the clock of the server: clocks differ. It is taken between two looks at the own clock, and
whatever delayed the answer makes the time shorter, never longer.
#>
function Get-TargetDeadline {
    param($Opened, [long] $NotAfter)
    $theirs = (Invoke-In $Opened Get-TargetClock @{}).now
    $NotAfter + ($theirs - (Get-OwnTime))
}

function Get-OwnTime {
    [DateTimeOffset]::new((Get-Date).ToUniversalTime()).ToUnixTimeMilliseconds()
}

function Restart-FencedService {
    <#
    .SYNOPSIS
    Restarts a service of a server, unless it has been started since it was looked at, or it is too late. The server itself compares.

    .PARAMETER StartedAt
    When its process was seen to have started; -1 when it was seen stopped.
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
    Restarts a server, unless it has been started since it was looked at, or it is too late. The server itself compares.
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

<#
Changes one setting of Exchange, if it still is as it was seen. The endpoint of Exchange takes no conditions, so the comparison is made here,
in the session that sends the change, right before it: one at a time on this machine, and not after its time. Answers where it was written, so
that the next look goes to the same domain controller.
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
    Blocks the activation of databases on a server and moves the active ones away, or lifts that block, if it still is as it was seen.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [bool] $Blocked, [bool] $Seen, [long] $NotAfter)
    Start-Call $Connection
    Set-FencedSetting $Connection "activation $Server" $Blocked $Seen $NotAfter Get-MailboxServer Set-MailboxServer @{ Identity = $Server } DatabaseCopyActivationDisabledAndMoveNow
}

function Set-ProtocolLog {
    <#
    .SYNOPSIS
    Switches the protocol log of IMAP or POP, if it still is as it was seen. It takes effect when the service is restarted.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string] $Server, [ValidateSet('imap', 'pop')] [string] $Protocol, [bool] $Enabled, [bool] $Seen, [long] $NotAfter)
    Start-Call $Connection
    $read = Get-SettingsCommand Get $Protocol
    $write = Get-SettingsCommand Set $Protocol
    # Always with -Server: without it, Exchange would change the server that the session happens to run on.
    Set-FencedSetting $Connection "$Protocol log $Server" $Enabled $Seen $NotAfter $read $write @{ Server = $Server } ProtocolLogEnabled
}

Export-ModuleMember -Function Get-Organisation, Get-HealthRow, Invoke-Probe, Get-CopyOnServer, Get-CopyOfDatabase, Get-MailboxServerState,
    Get-AvailabilityGroup, Get-ProtocolLog, Get-ComponentState, Get-ServiceState, Get-RecoveryAction, Get-Activity, Get-BootTime,
    Test-Shell, Test-Endpoint, Test-Target, Restart-FencedService, Restart-FencedServer, Set-ActivationBlock, Set-ProtocolLog, Get-OpenSession, Close-Session
