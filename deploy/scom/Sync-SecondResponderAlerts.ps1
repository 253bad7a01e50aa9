<#
.SYNOPSIS
Reconciles SCOM and Second Responder. Run by a scheduled task every few minutes.

.DESCRIPTION
To the daemon, it posts every alert that is open or was closed since the last run, if the daemon has not received its current state. SCOM runs
a limited number of channel commands at a time and drops the rest; this script finds dropped alerts, and posts what is left in the spool.

To SCOM, if ViewerTokenFile is set, it writes about the newest incident of each alert: a comment when the incident starts, waits for approval and ends;
an owner, if the alert has none; and a custom resolution state, if ResolutionStates has one. It never closes an alert: SCOM would refuse that while
the monitor is unhealthy, or never alert again. When the monitor is healthy again, SCOM closes the alert.

Nothing is written twice: the same call that adds the comment writes a mark into a custom field (MarkField), which a later run or a second management
server reads.

Exits with 1 if something failed; see sync.log in the folder.

.PARAMETER Folder
Folder with settings.json and the spool. See SecondResponder.Scom.psm1.

.EXAMPLE
powershell.exe -NoProfile -NonInteractive -File "C:\Program Files\SecondResponder\Sync-SecondResponderAlerts.ps1"
#>
param([string] $Folder = "$env:ProgramData\SecondResponder")
$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/SecondResponder.Scom.psm1"

# An alert that was closed while the previous run was reading is read by this one.
$Overlap = [TimeSpan]::FromMinutes(10)
$NoteRetention = [TimeSpan]::FromDays(30)
$ClosedStates = 254, 255
$MarkPrefix = 'SecondResponder '

<# Spools the current alerts of SCOM. #>
function Save-OpenAlert {
    param([hashtable] $Settings)
    $noted = Read-Note '' 'watermark'
    $watermark = $(if ($noted) { ConvertTo-UtcTime ([DateTime] $noted) } else { [DateTime]::UtcNow })
    # SCOM reads this format in every culture: en-US, in UTC.
    $since = ($watermark - $Overlap).ToString('MM\/dd\/yyyy HH\:mm\:ss', [Globalization.CultureInfo]::InvariantCulture)
    $criteria = "($($Settings.Criteria)) AND (ResolutionState < 255 OR LastModified >= '$since')"
    $failed = 0
    foreach ($alert in @(Get-SCOMAlert -Criteria $criteria -ErrorAction Stop)) {
        try {
            Save-Alert $alert
            $modified = Read-Property $alert 'LastModified'
            if ($modified -and (ConvertTo-UtcTime $modified) -gt $watermark) { $watermark = ConvertTo-UtcTime $modified }
        } catch {
            $failed++
            Write-Log "Failed to spool an alert: $($_.Exception.Message)"
        }
    }
    # Only after all are on disk: a failed alert must be read again.
    if ($failed -eq 0) { Write-Note '' 'watermark' $watermark.ToString('o') }
}

<# Open and recent incidents, newest first, each once. #>
function Get-Incident {
    param([hashtable] $Settings)
    $since = [DateTime]::UtcNow.AddHours(-[double] $Settings.LookBackHours).ToString('yyyy-MM-ddTHH\:mm\:ssZ', [Globalization.CultureInfo]::InvariantCulture)
    $seen = [Collections.Generic.HashSet[string]]::new()
    foreach ($query in 'state=open', "since=$since") {
        $cursor = ''
        do {
            # Small pages: PowerShell 5.1 can't parse JSON of more than a few megabytes.
            $answer = Invoke-Daemon $Settings 'Get' "/api/v1/incidents?limit=25&$query$cursor" '' $Settings.ViewerTokenFile
            $page = Read-Answer $answer.Text
            if ($answer.Status -ne 200 -or -not $page -or -not $page.PSObject.Properties['incidents']) {
                throw (Get-Answer $answer)
            }
            foreach ($incident in @($page.incidents)) { if ($seen.Add([string] $incident.id)) { $incident } }
            $next = "$(Read-Property $page 'next')"
            $cursor = '&cursor=' + [Uri]::EscapeDataString($next)
        } while ($next)
    }
}

<# The newest incident of each alert id: an alert may have had several incidents. #>
function Get-NewestIncident {
    param([hashtable] $Settings)
    $newest = [ordered] @{}
    foreach ($incident in Get-Incident $Settings) {
        # A text in PowerShell 5.1, a time in 7.
        $openedAt = ConvertTo-UtcTime ([DateTime] $incident.openedAt)
        foreach ($posted in @($incident.alerts)) {
            $id = ConvertTo-AlertId ([string] $posted.senderId)
            if ($posted.source -ne 'scom' -or -not $id) { continue }
            if (-not $newest.Contains($id) -or $newest[$id].OpenedAt -lt $openedAt) { $newest[$id] = @{ OpenedAt = $openedAt; Incident = $incident } }
        }
    }
    $newest
}

<# Writes to all alerts; returns the number of failures. #>
function Write-Incident {
    param([hashtable] $Settings)
    $newest = Get-NewestIncident $Settings
    $failures = @(foreach ($id in $newest.Keys) {
        try { Write-Alert $Settings $id $newest[$id].Incident } catch { "${id}: $($_.Exception.Message)" }
    })
    if ($failures.Count -gt 0) { Write-Log "$($failures.Count) alerts could not be updated, such as $($failures[0])" }
    $failures.Count
}

<# Writes the stage of the incident to the alert, unless the alert already has it. #>
function Write-Alert {
    param([hashtable] $Settings, [string] $Id, $Incident)
    $stage = Get-Stage $Incident
    $mark = "$MarkPrefix$($Incident.id) $stage"
    $field = "CustomField$($Settings.MarkField)"
    if ((Read-Note said $Id) -eq $mark) { return }
    $alert = Get-SCOMAlert -Id ([guid] $Id) -ErrorAction Stop
    if (-not $alert) { return }
    $current = "$(Read-Property $alert $field)"
    if ($current -and -not $current.StartsWith($MarkPrefix, 'Ordinal')) { throw "$field is already in use. Choose another MarkField." }
    if ($current -ne $mark) {
        $change = @{ Alert = $alert; Comment = (Get-Comment $Incident $stage); $field = $mark }
        $now = [int] (Read-Property $alert 'ResolutionState')
        $begun = $stage -in 'open', 'approving' -and $now -notin $ClosedStates
        if ($Settings.Owner -and $begun -and -not (Read-Property $alert 'Owner')) { $change.Owner = [string] $Settings.Owner }
        $state = Get-NewState $Settings $stage $now
        if ($null -ne $state) { $change.ResolutionState = [byte] $state }
        Set-SCOMAlert @change -ErrorAction Stop
    }
    Write-Note said $Id $mark
}

function Get-Stage {
    param($Incident)
    if ($Incident.state -eq 'finished') { [string] $Incident.outcome } elseif ($Incident.phase -eq 'approving') { 'approving' } else { 'open' }
}

function Get-Comment {
    param($Incident, [string] $Stage)
    $says = $(switch ($Stage) { 'open' { 'is working on it.' } 'approving' { 'is waiting for approval.' } default { "$Stage." } })
    $reason = "$(Read-Property $Incident 'reason')"
    Limit ((@("Second Responder: $says", $reason, "(incident $($Incident.id))") | Where-Object { $_ }) -join ' ') 1000
}

<# The resolution state to set, never one that closes the alert; nothing if the alert is closed, a person has set a state, or none is configured. #>
function Get-NewState {
    param([hashtable] $Settings, [string] $Stage, [int] $Now)
    if ($null -eq $Settings.ResolutionStates -or $Now -in $ClosedStates) { return }
    $ours = @($Settings.ResolutionStates.PSObject.Properties | ForEach-Object { [int] $_.Value })
    if (@($ours | Where-Object { $_ -notin 0..253 }).Count -gt 0) { throw 'ResolutionStates: 254 and 255 would close the alert; use 0 to 253.' }
    $wanted = Read-Property $Settings.ResolutionStates $Stage
    if ($null -ne $wanted -and $wanted -ne $Now -and ($Now -eq 0 -or $Now -in $ours)) { $wanted }
}

$failures = 0
try {
    Initialize-Folder $Folder 'sync.log'
    $settings = Read-Settings
    try {
        Import-Module OperationsManager
        Resolve-AlertId
        Save-OpenAlert $settings
    } catch {
        # Alerts in the spool can still be posted.
        $failures++
        Write-Log "Failed to read alerts from SCOM: $($_.Exception.Message)"
    }
    $failures += Send-Spool $settings 180
    if ($settings.ViewerTokenFile) { $failures += Write-Incident $settings }
    Remove-OldNote $NoteRetention
} catch {
    $failures++
    try { Write-Log $_.Exception.Message } catch { [Console]::Error.WriteLine($_) }
}
exit [Math]::Min($failures, 1)
