<#
.SYNOPSIS
Functions that the SCOM scripts of Second Responder share: a folder with settings, logs and spool, and calls to the daemon.

.DESCRIPTION
The folder contains

    settings.json  address and credentials of the daemon
    spool\         <id>.id: an alert of which only the id is known; <id>.<digest>.json: an alert that was read and still has to be posted
    known\         <id>: digest of the state that the daemon last received
    refused\       alerts that the daemon refused, each next to the response
    said\          <id>: what was last written to this alert; only saves work
    *.log          what the scripts did; older entries in *.log.1

Spool files are written under another name, flushed, renamed, and never changed afterwards. So a killed process leaves no partial file, and the process
that has posted a file may delete it. Posting twice does no harm, because the daemon recognises an alert by its id, the time it was raised and whether it
is closed; the lock on a file only saves work.

Runs in Windows PowerShell 5.1 and PowerShell 7. It is ASCII, because 5.1 would read anything else in the code page of the system, and it prefers .NET
calls, which are the same in both. No text of an alert is ever part of a command.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Utf8 = [Text.UTF8Encoding]::new($false)
# Many of these may run at once on a management server, and the daemon accepts at most `http.body-limit` per request.
$BatchAlerts = 100
$BatchCharacters = 250000
$LogBytes = 1MB
# Posted in addition to id, time and state. Enumerations are sent as their names.
$AlertTexts = 'Name', 'Description', 'Severity', 'Priority', 'RepeatCount', 'NetbiosComputerName', 'PrincipalName',
    'MonitoringObjectPath', 'MonitoringObjectInMaintenanceMode'

<# Sets the folder for all functions of this module, and creates what is missing in it. #>
function Initialize-Folder {
    param([string] $Path, [string] $Log)
    $script:Folder = $Path
    $script:LogFile = [IO.Path]::Combine($Path, $Log)
    foreach ($name in 'spool', 'known', 'refused', 'said') { [void] [IO.Directory]::CreateDirectory([IO.Path]::Combine($Path, $name)) }
    # Partial files of killed processes.
    foreach ($draft in [IO.Directory]::GetFiles($Path, '*.draft')) {
        if ([IO.File]::GetLastWriteTimeUtc($draft) -lt [DateTime]::UtcNow.AddHours(-1)) { [IO.File]::Delete($draft) }
    }
    # TLS 1.2, which PowerShell 5.1 may not enable; 0 means the default of the system, which includes it.
    if ([int] [Net.ServicePointManager]::SecurityProtocol -ne 0) {
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
    }
    [void] [Reflection.Assembly]::Load('System.Net.Http, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a')
}

function Get-PathOf {
    param([string] $Kind, [string] $Name)
    [IO.Path]::Combine($script:Folder, $Kind, $Name)
}

<# Logs one line. Never throws, because a failing log must not stop the script. #>
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
        Write-Verbose "Failed to write the log: $_"
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

<# The settings with their defaults, as a hashtable. Throws if a setting is invalid. #>
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
        if (-not $settings.ContainsKey($property.Name)) { throw "settings.json: unknown setting '$($property.Name)'." }
        $settings[$property.Name] = $property.Value
    }
    $uri = $null
    if (-not [Uri]::TryCreate([string] $settings.Uri, 'Absolute', [ref] $uri) -or $uri.Scheme -notmatch '^https?$') {
        throw 'settings.json: Uri must be the address of the daemon, such as https://second-responder.example.com'
    }
    if ([int] $settings.MarkField -notin 1..10) { throw 'settings.json: MarkField must be a number from 1 to 10.' }
    $settings
}

<# The id without braces, in lower case; nothing if the text is not an id. #>
function ConvertTo-AlertId {
    param([string] $Text)
    if ($Text -match '\A\s*\{?([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?\s*\z') { $Matches[1].ToLowerInvariant() }
}

<# Stores the id of an alert, so that a later run can read the rest. #>
function Save-AlertId {
    param([string] $Id)
    [IO.File]::Open((Get-PathOf spool "$Id.id"), 'OpenOrCreate', 'Write', 'ReadWrite').Dispose()
}

<#
Reads every alert of which only the id is spooled. Always reads $Own, because another process may have read an earlier state of it. If reading
fails, later runs try again for a day.
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
            Write-Log "Failed to read the alert ${id}: $($_.Exception.Message)"
            if ([IO.File]::GetLastWriteTimeUtc($file) -lt [DateTime]::UtcNow.AddDays(-1)) { [IO.File]::Delete($file) }
            # A single alert may be gone. After three failures SCOM itself is down.
            if (++$failed -ge 3) { return }
        }
    }
}

<# Adds an alert to the spool, unless the daemon has already received or refused this state of it. #>
function Save-Alert {
    param($Alert)
    $row = [ordered] @{ Id = ConvertTo-AlertId "$($Alert.Id)" }
    if (-not $row.Id) { throw "SCOM returned an alert without an id." }
    foreach ($name in $AlertTexts) {
        # The daemon refuses NUL characters.
        $text = "$(Read-Property $Alert $name)".Replace([string] [char] 0, '')
        if ($text) { $row[$name] = $text }
    }
    $raised = Read-Property $Alert 'TimeRaised'
    if ($raised) { $row.TimeRaised = (ConvertTo-UtcTime $raised).ToString('o') }
    $state = [int] (Read-Property $Alert 'ResolutionState')

    # The digest covers only whether the alert is closed, not its other resolution states. Otherwise a state that
    # this script sets would count as a change, be posted, and open a new incident.
    $row.ResolutionState = $(if ($state -ge 254) { 255 } else { 0 })
    $digest = Get-Digest (ConvertTo-Json -InputObject $row -Compress)
    $row.ResolutionState = $state

    $name = "$($row.Id).$digest.json"
    if ((Read-Note known $row.Id) -eq $digest) {
        # Keeps the note while the alert exists.
        [IO.File]::SetLastWriteTimeUtc((Get-PathOf known $row.Id), [DateTime]::UtcNow)
        return
    }
    if ([IO.File]::Exists((Get-PathOf spool $name)) -or [IO.File]::Exists((Get-PathOf refused $name))) { return }
    Write-WholeFile (Get-PathOf spool $name) (ConvertTo-Json -InputObject $row -Compress)
}

function Read-Property {
    param($Of, [string] $Name)
    $property = $Of.PSObject.Properties[$Name]
    if ($property) { $property.Value }
}

<# SCOM's times are in UTC, with or without a time zone. #>
function ConvertTo-UtcTime {
    param([DateTime] $Time)
    if ($Time.Kind -eq 'Local') { $Time.ToUniversalTime() } else { [DateTime]::SpecifyKind($Time, 'Utc') }
}

function Get-Digest {
    param([string] $Text)
    $sha = [Security.Cryptography.SHA256]::Create()
    try { [BitConverter]::ToString($sha.ComputeHash($Utf8.GetBytes($Text)), 0, 8).Replace('-', '').ToLowerInvariant() } finally { $sha.Dispose() }
}

<# Writes a file completely or not at all, even across a power failure. #>
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
        # Another process wrote the same file in the meantime. Anything else is an error.
        if (-not [IO.File]::Exists($Path)) { throw }
    } finally { [IO.File]::Delete($draft) }
}

<# The text of a note; nothing if there is none. #>
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
Posts the spool, oldest first, until it is empty, the daemon can't be reached, or the time is over. Returns the number of files left.
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

<# Locks the next files that no other process has locked. #>
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

<# Posts a batch. Returns whether to continue with the next one. #>
function Send-Batch {
    param([hashtable] $Settings, [object[]] $Batch)
    $body = '[' + (($Batch | ForEach-Object { $_.Text }) -join ',') + ']'
    $answer = Invoke-Daemon $Settings 'Post' '/api/v1/alerts/scom' $body $Settings.TokenFile
    $reply = Read-Answer $answer.Text
    $says = Get-Answer $answer

    if ($answer.Status -eq 202) {
        $refused = Read-Refused $reply
        # Any server may return 202. Only a reply that lists every alert confirms that they are stored.
        if ($null -eq $refused -or @($reply.alerts).Count + $refused.Count -ne $Batch.Count) { Write-Log "Unexpected reply. $says"; return $false }
        for ($at = 0; $at -lt $Batch.Count; $at++) {
            if ($refused.ContainsKey("$at")) { Move-Refused $Batch[$at] $refused["$at"] } else { Remove-Taken $Batch[$at] }
        }
        Write-Log "Posted $(@($reply.alerts).Count) alerts."
        return $true
    }
    # Temporary, or not caused by the alerts: the files stay in the spool.
    if ($answer.Status -notin 400..499 -or $answer.Status -in 401, 408, 425, 429) { Write-Log $says; return $false }
    # A single invalid alert may fail the whole batch.
    if ($Batch.Count -gt 1) {
        foreach ($entry in $Batch) { if (-not (Send-Batch $Settings @($entry))) { return $false } }
        return $true
    }
    $fromDaemon = $reply -and $reply.PSObject.Properties['problems']
    if ($answer.Status -eq 413 -or ($answer.Status -in 400, 422 -and $fromDaemon)) { Move-Refused $Batch[0] $answer.Text } else { Write-Log $says }
    $true
}

function Get-Answer {
    param([hashtable] $Answer)
    $(if ($Answer.Status -eq 0) { 'Failed to reach the daemon: ' } else { "The daemon returned $($Answer.Status): " }) + (Limit $Answer.Text 500)
}

<# The parsed JSON; nothing if the text is not JSON. #>
function Read-Answer {
    param([string] $Text)
    try { ConvertFrom-Json $Text } catch { }
}

<# The refused alerts by their index in the list; nothing if the reply is not the daemon's. #>
function Read-Refused {
    param($Reply)
    if (-not $Reply -or -not $Reply.PSObject.Properties['alerts'] -or -not $Reply.PSObject.Properties['refused']) { return }
    $refused = @{}
    foreach ($problem in @($Reply.refused)) {
        if ([string] $problem.pointer -match '\A/(\d+)(/|\z)') { $refused[$Matches[1]] = "$($refused[$Matches[1]])$($problem.pointer): $($problem.message)`r`n" }
    }
    $refused
}

function Remove-Taken {
    param($Entry)
    $id, $digest = [IO.Path]::GetFileNameWithoutExtension($Entry.Path).Split('.')
    if (ConvertTo-AlertId $id) { Write-Note known $id "$digest" }
    $Entry.Stream.Dispose()
    try { [IO.File]::Delete($Entry.Path) } catch { Write-Log "Posted, but failed to delete the file: $($_.Exception.Message)" }
}

function Move-Refused {
    param($Entry, [string] $Why)
    $name = [IO.Path]::GetFileName($Entry.Path)
    $Entry.Stream.Dispose()
    [IO.File]::WriteAllText((Get-PathOf refused "$name.answer.txt"), $Why, $Utf8)
    try { [IO.File]::Move($Entry.Path, (Get-PathOf refused $name)) } catch { Write-Log "Refused, but failed to move the file: $($_.Exception.Message)" }
    Write-Log "The daemon refused $name, which was moved to the folder refused: $(Limit $Why 500)"
}

function Limit {
    param([string] $Text, [int] $To)
    if ($Text.Length -le $To) { $Text } else { $Text.Substring(0, $To) + '...' }
}

<# Status and text of the daemon's reply; status 0 and the reason if there is none in time. #>
function Invoke-Daemon {
    param([hashtable] $Settings, [string] $Method, [string] $Path, [string] $Body, [string] $TokenFile)
    $client = $null
    try {
        $handler = [Net.Http.HttpClientHandler]::new()
        # Never send the token to another server.
        $handler.AllowAutoRedirect = $false
        $client = [Net.Http.HttpClient]::new($handler)
        # Limits the whole exchange, including a slow response.
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
        $why = $(if ($cause -is [OperationCanceledException]) { "no response within $($Settings.TimeLimitSeconds) s" } else { $cause.Message })
        @{ Status = 0; Text = $why }
    } finally {
        if ($client) { $client.Dispose() }
    }
}

function Read-Secret {
    param([string] $File)
    [IO.File]::ReadAllText($File).Trim()
}

<# Signs the time and the body, as docs/api.md describes. #>
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
