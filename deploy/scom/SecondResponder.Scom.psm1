<#
.SYNOPSIS
What the SCOM scripts of Second Responder share: a folder with settings, log and spool, and the way to the daemon.

.DESCRIPTION
The folder holds

    settings.json  where the daemon is, and how to show who we are
    spool\         <id>.id: an alert of which SCOM has told the id; <id>.<digest>.json: one that is read and still has to be posted
    known\         <id>: the digest of what the daemon last took of this alert
    refused\       what the daemon will not take, each beside its answer
    said\          <id>: what was last written on this alert; saves work and nothing else
    *.log          what the scripts did; the older part in *.log.1

Files of the spool are written under another name, flushed and renamed, and never changed afterwards: a process that is killed leaves
none by halves, and whoever has posted one may delete it. Posting twice does no harm, as the daemon knows an alert by its id, the time it
was raised and whether it is over; so the lock on a file saves work and nothing else.

Written to the language of Windows PowerShell 5.1, in ASCII (5.1 would read anything else in the code page of the system), and for the
most part in calls of .NET, which are the same in 5.1 and 7. No text of an alert is ever part of a command.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Utf8 = [Text.UTF8Encoding]::new($false)
# A management server may run many of these at once, and the daemon takes at most `http.body-limit`.
$BatchAlerts = 100
$BatchCharacters = 250000
$LogBytes = 1MB
# Beside id, time and state. Enumerations become their names.
$AlertTexts = 'Name', 'Description', 'Severity', 'Priority', 'RepeatCount', 'NetbiosComputerName', 'PrincipalName',
    'MonitoringObjectPath', 'MonitoringObjectInMaintenanceMode'

<# Makes what is missing of the folder, and names it for everything below. #>
function Initialize-Folder {
    param([string] $Path, [string] $Log)
    $script:Folder = $Path
    $script:LogFile = [IO.Path]::Combine($Path, $Log)
    foreach ($name in 'spool', 'known', 'refused', 'said') { [void] [IO.Directory]::CreateDirectory([IO.Path]::Combine($Path, $name)) }
    # What a killed process began to write.
    foreach ($draft in [IO.Directory]::GetFiles($Path, '*.draft')) {
        if ([IO.File]::GetLastWriteTimeUtc($draft) -lt [DateTime]::UtcNow.AddHours(-1)) { [IO.File]::Delete($draft) }
    }
    # TLS 1.2, which 5.1 may not offer of itself; 0 leaves it to the system, which does.
    if ([int] [Net.ServicePointManager]::SecurityProtocol -ne 0) {
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
    }
    [void] [Reflection.Assembly]::Load('System.Net.Http, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a')
}

function Get-PathOf {
    param([string] $Kind, [string] $Name)
    [IO.Path]::Combine($script:Folder, $Kind, $Name)
}

<# One line. Never throws: a log that can't be written stops nothing. #>
function Write-Log {
    param([string] $Text)
    $line = [DateTime]::UtcNow.ToString('o') + ' ' + $PID + ' ' + ($Text -replace '[\x00-\x1f\x7f\u0085\u2028\u2029]+', ' ') + "`r`n"
    $lock = $null
    try {
        $lock = Wait-Lock ($script:LogFile + '.lock')
        if ([IO.File]::Exists($script:LogFile) -and ([IO.FileInfo] $script:LogFile).Length -gt $LogBytes) {
            [IO.File]::Delete($script:LogFile + '.1')
            [IO.File]::Move($script:LogFile, $script:LogFile + '.1')
        }
        [IO.File]::AppendAllText($script:LogFile, $line, $Utf8)
    } catch {
        Write-Verbose "The log can't be written: $_"
    } finally {
        if ($lock) { $lock.Dispose() }
    }
}

function Wait-Lock {
    param([string] $Path)
    for ($try = 1; ; $try++) {
        try { return [IO.File]::Open($Path, 'OpenOrCreate', 'ReadWrite', 'None') } catch [IO.IOException] { if ($try -ge 50) { throw } }
        Start-Sleep -Milliseconds 20
    }
}

<# The settings with their defaults, as a table. Throws what is wrong with them. #>
function Read-Settings {
    $settings = @{
        Uri               = ''
        TokenFile         = ''
        SigningSecretFile = ''
        ViewerTokenFile   = ''
        Criteria          = "Name LIKE '%health set%'"
        TimeLimitSeconds  = 15
        Owner             = ''
        MarkField         = 10
        ResolutionStates  = $null
        LookBackHours     = 48
    }
    $given = ConvertFrom-Json ([IO.File]::ReadAllText([IO.Path]::Combine($script:Folder, 'settings.json')))
    foreach ($property in $given.PSObject.Properties) {
        if (-not $settings.ContainsKey($property.Name)) { throw "settings.json: there is no setting '$($property.Name)'." }
        $settings[$property.Name] = $property.Value
    }
    $uri = $null
    if (-not [Uri]::TryCreate([string] $settings.Uri, 'Absolute', [ref] $uri) -or $uri.Scheme -notmatch '^https?$') {
        throw 'settings.json: Uri must be the address of the daemon, such as https://second-responder.example.com'
    }
    if ([int] $settings.MarkField -notin 1..10) { throw 'settings.json: MarkField must be a number from 1 to 10.' }
    $settings
}

<# The id out of {id}, in lower case; nothing where it is none. #>
function ConvertTo-AlertId {
    param([string] $Text)
    if ($Text -match '\A\s*\{?([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?\s*\z') { $Matches[1].ToLowerInvariant() }
}

<# What is safe of an alert as soon as its id is known: with it, any later run finds the rest. #>
function Save-AlertId {
    param([string] $Id)
    [IO.File]::Open((Get-PathOf spool "$Id.id"), 'OpenOrCreate', 'Write', 'ReadWrite').Dispose()
}

<#
Reads every alert of which only the id is spooled, and the own one in any case: another process may just have read it as it was before.
What SCOM can't tell now is asked for again by the next run, for a day.
#>
function Resolve-AlertId {
    param([string] $Own)
    $ids = @($Own) + @([IO.Directory]::GetFiles((Get-PathOf spool ''), '*.id') | ForEach-Object { [IO.Path]::GetFileNameWithoutExtension($_) })
    $failed = 0
    foreach ($id in $ids) {
        if (-not (ConvertTo-AlertId $id)) { continue }
        $file = Get-PathOf spool "$id.id"
        try {
            $alert = Get-SCOMAlert -Id ([guid] $id) -ErrorAction Stop
            if ($alert) { Save-Alert $alert } else { Write-Log "SCOM has no alert $id." }
            [IO.File]::Delete($file)
        } catch {
            Write-Log "The alert $id can't be read: $($_.Exception.Message)"
            if ([IO.File]::GetLastWriteTimeUtc($file) -lt [DateTime]::UtcNow.AddDays(-1)) { [IO.File]::Delete($file) }
            # One may be gone for good. When it is SCOM that is away, the others need not be tried.
            if (++$failed -ge 3) { return }
        }
    }
}

<# Puts an alert into the spool, unless the daemon has taken or refused just this already. #>
function Save-Alert {
    param($Alert)
    $word = [ordered] @{ Id = ConvertTo-AlertId "$($Alert.Id)" }
    if (-not $word.Id) { throw "SCOM answered an alert without an id." }
    foreach ($name in $AlertTexts) {
        # The daemon refuses a NUL, and nobody misses it.
        $text = "$(Read-Property $Alert $name)".Replace([string] [char] 0, '')
        if ($text) { $word[$name] = $text }
    }
    $raised = Read-Property $Alert 'TimeRaised'
    if ($raised) { $word.TimeRaised = (ConvertTo-UtcTime $raised).ToString('o') }
    $state = [int] (Read-Property $Alert 'ResolutionState')

    # Whether it is over belongs to what is told; which state of ours or of a person it is in does not. Else what we write
    # on an alert would be news, and be posted, and open the matter again.
    $word.ResolutionState = $(if ($state -ge 254) { 255 } else { 0 })
    $digest = Get-Digest (ConvertTo-Json -InputObject $word -Compress)
    $word.ResolutionState = $state

    $name = "$($word.Id).$digest.json"
    if ((Read-Note known $word.Id) -eq $digest) {
        # So that it is not forgotten while the alert is there.
        [IO.File]::SetLastWriteTimeUtc((Get-PathOf known $word.Id), [DateTime]::UtcNow)
        return
    }
    if ([IO.File]::Exists((Get-PathOf spool $name)) -or [IO.File]::Exists((Get-PathOf refused $name))) { return }
    Write-WholeFile (Get-PathOf spool $name) (ConvertTo-Json -InputObject $word -Compress)
}

function Read-Property {
    param($Of, [string] $Name)
    $property = $Of.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

<# SCOM's times are in UTC, whether they say so or not. #>
function ConvertTo-UtcTime {
    param([DateTime] $Time)
    if ($Time.Kind -eq 'Local') { $Time.ToUniversalTime() } else { [DateTime]::SpecifyKind($Time, 'Utc') }
}

function Get-Digest {
    param([string] $Text)
    $sha = [Security.Cryptography.SHA256]::Create()
    try { [BitConverter]::ToString($sha.ComputeHash($Utf8.GetBytes($Text)), 0, 8).Replace('-', '').ToLowerInvariant() } finally { $sha.Dispose() }
}

<# The file is there whole, or not at all; also after the power went. #>
function Write-WholeFile {
    param([string] $Path, [string] $Text)
    $draft = [IO.Path]::Combine($script:Folder, [guid]::NewGuid().ToString('N') + '.draft')
    try {
        $stream = [IO.File]::Open($draft, 'CreateNew', 'Write', 'None')
        try {
            $bytes = $Utf8.GetBytes($Text)
            $stream.Write($bytes, 0, $bytes.Length)
            $stream.Flush($true)
        } finally { $stream.Dispose() }
        if ([IO.File]::Exists($Path)) { [IO.File]::Replace($draft, $Path, [NullString]::Value) } else { [IO.File]::Move($draft, $Path) }
    } catch [IO.IOException] {
        # Another process wrote the same in between; anything else is trouble.
        if (-not [IO.File]::Exists($Path)) { throw }
    } finally { [IO.File]::Delete($draft) }
}

<# The text of a small file, or nothing. #>
function Read-Note {
    param([string] $Kind, [string] $Id)
    try { [IO.File]::ReadAllText((Get-PathOf $Kind $Id)) } catch [IO.IOException] { }
}

function Write-Note {
    param([string] $Kind, [string] $Id, [string] $Text)
    Write-WholeFile (Get-PathOf $Kind $Id) $Text
}

function Remove-OldNote {
    param([TimeSpan] $Age)
    foreach ($kind in 'known', 'said') {
        foreach ($file in [IO.Directory]::GetFiles((Get-PathOf $kind ''))) {
            if ([IO.File]::GetLastWriteTimeUtc($file) -lt [DateTime]::UtcNow - $Age) { [IO.File]::Delete($file) }
        }
    }
}

<#
Posts what is in the spool, the oldest first, until it is empty, the daemon can't be reached, or the time is over.
Answers how many are left.
#>
function Send-Spool {
    param([hashtable] $Settings, [int] $ForSeconds)
    $until = [DateTime]::UtcNow.AddSeconds($ForSeconds)
    $tried = [Collections.Generic.HashSet[string]]::new()
    while ([DateTime]::UtcNow -lt $until) {
        $batch = @(Open-Batch $tried)
        if ($batch.Count -eq 0) { break }
        try { if (-not (Send-Batch $Settings $batch)) { break } } finally { foreach ($entry in $batch) { $entry.Stream.Dispose() } }
    }
    [IO.Directory]::GetFiles((Get-PathOf spool '')).Length
}

<# The next files that nobody else has in hand, locked. #>
function Open-Batch {
    param($Tried)
    $files = [IO.Directory]::GetFiles((Get-PathOf spool ''), '*.json')
    $ages = [DateTime[]]::new($files.Length)
    for ($at = 0; $at -lt $files.Length; $at++) { $ages[$at] = [IO.File]::GetLastWriteTimeUtc($files[$at]) }
    [Array]::Sort($ages, $files)
    $count = 0
    $length = 0
    foreach ($file in $files) {
        if ($count -ge $BatchAlerts -or $length -ge $BatchCharacters) { break }
        if (-not $Tried.Add($file)) { continue }
        try { $stream = [IO.File]::Open($file, 'Open', 'Read', 'None') } catch { continue }
        $text = [IO.StreamReader]::new($stream, $Utf8).ReadToEnd()
        $count++
        $length += $text.Length
        @{ Path = $file; Stream = $stream; Text = $text }
    }
}

<# Whether it makes sense to go on with others. #>
function Send-Batch {
    param([hashtable] $Settings, [object[]] $Batch)
    $body = '[' + (($Batch | ForEach-Object { $_.Text }) -join ',') + ']'
    $answer = Invoke-Daemon $Settings 'Post' '/api/v1/alerts/scom' $body $Settings.TokenFile
    $told = Read-Answer $answer.Text
    $says = Get-Answer $answer

    if ($answer.Status -eq 202) {
        $refused = Read-Refused $told
        # Anything may answer 202. Only who names every alert has stored them.
        if ($null -eq $refused -or @($told.alerts).Count + $refused.Count -ne $Batch.Count) { Write-Log "Not understood. $says"; return $false }
        for ($at = 0; $at -lt $Batch.Count; $at++) {
            if ($refused.ContainsKey("$at")) { Move-Refused $Batch[$at] $refused["$at"] } else { Remove-Taken $Batch[$at] }
        }
        Write-Log "Posted $(@($told.alerts).Count) alerts."
        return $true
    }
    # Come again, or: it is not the alert that is wrong. What is spooled stays.
    if ($answer.Status -notin 400..499 -or $answer.Status -in 401, 408, 425, 429) { Write-Log $says; return $false }
    # One of them may spoil it for all.
    if ($Batch.Count -gt 1) {
        foreach ($entry in $Batch) { if (-not (Send-Batch $Settings @($entry))) { return $false } }
        return $true
    }
    $inForm = $told -and $told.PSObject.Properties['problems']
    if ($answer.Status -eq 413 -or ($answer.Status -in 400, 422 -and $inForm)) { Move-Refused $Batch[0] $answer.Text } else { Write-Log $says }
    $true
}

function Get-Answer {
    param([hashtable] $Answer)
    $(if ($Answer.Status -eq 0) { 'The daemon can''t be reached: ' } else { "The daemon's answer was $($Answer.Status): " }) + (Limit $Answer.Text 500)
}

<# What JSON says; nothing where it is none. #>
function Read-Answer {
    param([string] $Text)
    try { ConvertFrom-Json $Text } catch { }
}

<# What was refused, by its place in the list; nothing where the answer is not in the daemon's form. #>
function Read-Refused {
    param($Told)
    if (-not $Told -or -not $Told.PSObject.Properties['alerts'] -or -not $Told.PSObject.Properties['refused']) { return }
    $refused = @{}
    foreach ($problem in @($Told.refused)) {
        if ([string] $problem.pointer -match '\A/(\d+)(/|\z)') { $refused[$Matches[1]] = "$($refused[$Matches[1]])$($problem.pointer): $($problem.message)`r`n" }
    }
    $refused
}

function Remove-Taken {
    param($Entry)
    $id, $digest = [IO.Path]::GetFileNameWithoutExtension($Entry.Path).Split('.')
    if (ConvertTo-AlertId $id) { Write-Note known $id "$digest" }
    $Entry.Stream.Dispose()
    try { [IO.File]::Delete($Entry.Path) } catch { Write-Log "Posted, but still there: $($_.Exception.Message)" }
}

function Move-Refused {
    param($Entry, [string] $Why)
    $name = [IO.Path]::GetFileName($Entry.Path)
    $Entry.Stream.Dispose()
    [IO.File]::WriteAllText((Get-PathOf refused "$name.answer.txt"), $Why, $Utf8)
    try { [IO.File]::Move($Entry.Path, (Get-PathOf refused $name)) } catch { Write-Log "Refused, but not moved: $($_.Exception.Message)" }
    Write-Log "The daemon refused $name, which is in the folder refused now: $(Limit $Why 500)"
}

function Limit {
    param([string] $Text, [int] $To)
    if ($Text.Length -le $To) { $Text } else { $Text.Substring(0, $To) + '...' }
}

<# Status and text of the daemon's answer; status 0 and why, where there is none in time. #>
function Invoke-Daemon {
    param([hashtable] $Settings, [string] $Method, [string] $Path, [string] $Body, [string] $TokenFile)
    $client = $null
    try {
        $handler = [Net.Http.HttpClientHandler]::new()
        # Whoever sends us elsewhere is not to be shown the token.
        $handler.AllowAutoRedirect = $false
        $client = [Net.Http.HttpClient]::new($handler)
        # Of the whole exchange: also of an answer that trickles.
        $client.Timeout = [TimeSpan]::FromSeconds([double] $Settings.TimeLimitSeconds)
        $client.MaxResponseContentBufferSize = 16MB
        $request = [Net.Http.HttpRequestMessage]::new([Net.Http.HttpMethod]::$Method, ([string] $Settings.Uri).TrimEnd('/') + $Path)
        if ($Method -eq 'Post') {
            $bytes = $Utf8.GetBytes($Body)
            $request.Content = [Net.Http.ByteArrayContent]::new($bytes)
            $request.Content.Headers.ContentType = [Net.Http.Headers.MediaTypeHeaderValue]::Parse('application/json')
            if ($Settings.SigningSecretFile) { Add-Signature $request $Body (Read-Secret $Settings.SigningSecretFile) }
        }
        if ($TokenFile) { [void] $request.Headers.TryAddWithoutValidation('Authorization', 'Bearer ' + (Read-Secret $TokenFile)) }
        $response = $client.SendAsync($request).GetAwaiter().GetResult()
        @{ Status = [int] $response.StatusCode; Text = $Utf8.GetString($response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult()) }
    } catch {
        $cause = $_.Exception.GetBaseException()
        $why = $(if ($cause -is [OperationCanceledException]) { "no answer in $($Settings.TimeLimitSeconds) s" } else { $cause.Message })
        @{ Status = 0; Text = $why }
    } finally {
        if ($client) { $client.Dispose() }
    }
}

function Read-Secret {
    param([string] $File)
    [IO.File]::ReadAllText($File).Trim()
}

<# As docs/api.md says: of the time and the body. #>
function Add-Signature {
    param($Request, [string] $Body, [string] $Secret)
    $seconds = [string] [Math]::Floor(([DateTime]::UtcNow - [DateTime] '1970-01-01').TotalSeconds)
    $hmac = [Security.Cryptography.HMACSHA256]::new($Utf8.GetBytes($Secret))
    try { $digest = [BitConverter]::ToString($hmac.ComputeHash($Utf8.GetBytes("$seconds.$Body"))).Replace('-', '').ToLowerInvariant() } finally { $hmac.Dispose() }
    $Request.Headers.Add('X-Timestamp', $seconds)
    $Request.Headers.Add('X-Signature', "sha256=$digest")
}

Export-ModuleMember -Function Initialize-Folder, Write-Log, Read-Settings, ConvertTo-AlertId, Save-AlertId, Resolve-AlertId, Save-Alert,
    Read-Property, ConvertTo-UtcTime, Read-Note, Write-Note, Remove-OldNote, Get-Answer, Read-Answer, Send-Spool, Limit, Invoke-Daemon
