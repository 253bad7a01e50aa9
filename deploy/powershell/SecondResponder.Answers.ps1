# Answers: turns rows of Exchange and Windows into plain data. Part of SecondResponder.psm1.

# A row without the properties that remoting adds.
function ConvertTo-Plain {
    param($Row)
    $plain = @{}
    foreach ($property in $Row.PSObject.Properties) {
        if ($property.Name -notin 'PSComputerName', 'RunspaceId', 'PSShowComputerName', 'PSSourceJobInstanceId') { $plain[$property.Name] = $property.Value }
    }
    $plain
}

<# A property of a row, or nothing if the row has none: versions of Exchange differ. #>
function Get-Field {
    param($Row, [string] $Name)
    $property = $Row.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

# A property that must be there, as text.
function Get-Needed {
    param($Row, [string] $Name)
    $value = Get-Field $Row $Name
    if ($null -eq $value -or '' -eq [string] $value) { Stop-Call badReply "A row of the answer has no $Name." }
    [string] $value
}

<# Milliseconds since 1970 in UTC, or nothing for a time that was never set. #>
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

# Seconds, from a number of seconds or a time span; nothing for anything else.
function ConvertTo-Second {
    param($Value)
    $text = [string] $Value
    $seconds = 0L
    $span = [TimeSpan]::Zero
    if ([long]::TryParse($text, [ref] $seconds)) { return [Math]::Max(0L, $seconds) }
    if ([TimeSpan]::TryParse($text, [Globalization.CultureInfo]::InvariantCulture, [ref] $span)) { return [long] [Math]::Max(0, $span.TotalSeconds) }
    $null
}

# Adds a field to a row if it has a value.
function Add-Known {
    param([hashtable] $Row, [string] $Name, $Value)
    if ($null -ne $Value -and '' -ne [string] $Value) { $Row[$Name] = $Value }
}

# The last part of contoso.com/Configuration/Sites/Tokyo, and the first label of mbx1.contoso.com.
function Get-LastPart { param($Text) ([string] $Text).Split('/')[-1] }
function Get-ShortName { param($Text) (Get-LastPart $Text).Split('.')[0].ToLowerInvariant() }

function ConvertTo-Boolean {
    param($Value)
    $Value -is [bool] -and $Value -or [string] $Value -eq 'True'
}

# Milliseconds since 1970 in UTC, by this machine's clock.
function Get-OwnTime {
    [DateTimeOffset]::new((Get-Date).ToUniversalTime()).ToUnixTimeMilliseconds()
}
