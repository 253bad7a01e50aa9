# Failures: what went wrong in Exchange, Windows or remoting, as one of the daemon's failure codes. Part of SecondResponder.psm1.

$FailureCodes = 'unreachable', 'accessDenied', 'sessionLimit', 'timedOut', 'refused', 'notFound', 'badReply', 'unknown'

# Ends the call with a failure code and a message.
function Stop-Call {
    param([string] $Code, [string] $Says)
    $failure = [Management.Automation.RuntimeException]::new($Says)
    throw [Management.Automation.ErrorRecord]::new($failure, $Code, 'NotSpecified', $null)
}

<# The error that the remote command raised, without the exception that invoking it from here wraps around it. #>
function Get-Cause {
    param($Record)
    $exception = $Record.Exception
    if ($exception -isnot [Management.Automation.MethodInvocationException]) { return $Record }
    while ($exception -is [Management.Automation.MethodInvocationException] -and $exception.InnerException) { $exception = $exception.InnerException }
    if ($exception -is [Management.Automation.IContainsErrorRecord] -and $exception.ErrorRecord) { $exception.ErrorRecord } else { $Record }
}

<#
Error numbers of Windows, WinRM and Kerberos, which are the same in every language: a Windows error, or an HRESULT (0x8007nnnn is the Windows
error nnnn). Source: winerror.h and wsmerror.h of the Windows SDK.
#>
$NumbersOf = @{
    sessionLimit = @(
        0x8033803F # QUOTA_LIMIT
        0x803381A5; 0x803381A6; 0x803381A7; 0x803381A8; 0x803381AB # shells, operations, load of the user, load of the server, users
        0x803381E4; 0x803381E5; 0x803381E6; 0x803381E7; 0x803381E8; 0x803381E9; 0x803381EA # the same, of one endpoint
    )
    accessDenied = @(
        5 # access denied
        1326; 1327; 1328; 1329; 1330; 1331; 1385; 1793; 1907; 1909 # logon failed, or the account may not log on now, on this machine or in this way
        0x8009030C; 0x8009030D; 0x8009030E # Kerberos: log-on denied, unknown credentials, no credentials
        0x803381AC; 0x803381E3 # remote shells not allowed, remote connections not allowed
    )
    unreachable  = @(
        53; 64; 121; 995; 1115; 1311; 1722; 1723; 1726; 1727; 1753; 11001 # network, server shutting down, no domain controller, RPC, no such host
        0x80090303; 0x80090311; 0x80090322; 0x80090324 # Kerberos: unknown target, no domain controller, wrong server, clock skew
        0x80338012; 0x80338112; 0x80338113; 0x80338126 # WinRM does not listen, is not installed, no such address, no connection in time
    )
    timedOut     = @(1460; 0x80338029; 0x80131505) # timeout, WSMan operation, .NET
}

<#
Error names: those that PowerShell gives a failed session (the first part of the error id), and those that Exchange gives its own failures
(FailureCategory=<where>-<exception>, or the type of the exception). They are never translated. The first match wins.
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

<# PowerShell's error categories, used when no number and no name matched. #>
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
Message texts, for failures without a known name or number. They are in English, the culture that the sessions request; names of settings
(MaxConcurrency, throttling policy) are the same in every language.
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

<# The code of the first pair (code, pattern) whose pattern matches one of the texts. #>
function Find-Code {
    param([object[]] $List, [string[]] $Texts)
    foreach ($pair in $List) { foreach ($text in $Texts) { if ($text -and $text -match $pair[1]) { return $pair[0] } } }
}

<# The error numbers in a failure: in its exceptions, its error id and its message. #>
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
Returns the failure code of an error: by number and name, which are the same in every language, then by message text. An error that nothing
matches stays unknown: the command may have taken effect.

With -Opening the error came from opening a session, so no command has run.
#>
function Get-FailureCode {
    param($Record, [switch] $Opening)
    $whole = [string] $Record.FullyQualifiedErrorId
    $id = $whole.Split(',')[0]
    if ($id -cin $FailureCodes) { return $id }
    # A server's message may be of any length; what identifies the failure is at its beginning.
    $says = [string] $Record
    if ($says.Length -gt 4000) { $says = $says.Substring(0, 4000) }
    $reason = [string] $Record.CategoryInfo.Reason
    $exchange = [Regex]::Match("$whole $says", 'FailureCategory=(\w+)-(\w+)')
    $thrown = if ($exchange.Success) { $exchange.Groups[2].Value } else { '' }

    # Exchange also reports AuthorizationException when an account with access has too many sessions, so throttling is checked first.
    if ($says -match $Throttled) { return 'sessionLimit' }
    $numbers = @(Get-FailureNumbers $Record $id $says)
    foreach ($code in 'sessionLimit', 'accessDenied', 'unreachable', 'timedOut') {
        foreach ($number in $numbers) { if ($number -in $NumbersOf[$code]) { return Get-CodeInPlace $code $Opening } }
    }
    # Exchange hides commands and parameters that the account has no role for: CommandNotFound means accessDenied too.
    $code = Find-Code $NamesOf @($id, $thrown, $reason)
    if (-not $code -and "$thrown $reason" -match 'AuthorizationException') { $code = 'accessDenied' }
    if (-not $code -or $code -eq 'refused') {
        $said = Find-Code $WordsOf @($says)
        if ($said) { $code = $said }
    }
    # An open session has broken. While one is being opened, every failure is a remoting failure and this says nothing.
    if (-not $code -and -not $Opening -and $reason -match 'PSRemoting') { $code = 'unreachable' }
    if (-not $code) { $code = $CategoryOf[[string] $Record.CategoryInfo.Category] }
    # Exchange's own cmdlet failed: it refused.
    if (-not $code -and $exchange.Success -and $exchange.Groups[1].Value -eq 'Cmdlet') { $code = 'refused' }
    if (-not $code) { return 'unknown' }
    Get-CodeInPlace $code $Opening
}

<# While a session is being opened no command has run, so nothing was refused or not found. #>
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

<# The error's message, with its error id or a hint where that helps to find the cause. #>
function Get-FailureText {
    param($Record, [string] $Code)
    $says = [string] $Record
    if ($Code -eq 'accessDenied' -and [string] $Record.CategoryInfo.Reason -match 'CommandNotFound|ParameterBinding') {
        return "$says (The account has no role with this command or parameter: deploy/jea/New-SecondResponderRole.ps1 creates one.)"
    }
    # Anyone can look up an error id, whatever the language of the message.
    $id = ([string] $Record.FullyQualifiedErrorId).Split(',')[0]
    if ($Code -in 'unknown', 'unreachable', 'accessDenied', 'sessionLimit' -and $id -match '^(-?\d{1,10}|[A-Z]\w{1,60})$' -and -not $says.Contains($id)) { return "$says [$id]" }
    $says
}
