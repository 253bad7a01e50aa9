<#
.SYNOPSIS
Reconciles SCOM and Second Responder. For a scheduled task, every few minutes.

.DESCRIPTION
To the daemon: every alert that is open, or was closed since the last run, and that the daemon has not taken yet as it is now. SCOM runs
a limited number of channel commands at a time and drops the rest; this finds what was dropped, and posts what is left in the spool.

Back to SCOM, with a ViewerTokenFile in the settings: for the newest incident of each alert a comment, when it begins, waits for approval,
and ends; an owner, where there is none yet; and a resolution state of your own, if ResolutionStates names one. An alert is never closed:
SCOM would refuse it while the monitor is unhealthy, or never alert again. The monitor turns healthy by itself, and the alert with it.

The same is written once: with the comment goes a mark into a custom field (MarkField), in one and the same call. So a process that is
killed in between, or a second management server, writes nothing twice.

Ends with 1 when something has to be looked at; it is in sync.log in the folder then.

.PARAMETER Folder
Where settings.json and the spool are. See SecondResponder.Scom.psm1.

.EXAMPLE
powershell.exe -NoProfile -NonInteractive -File "C:\Program Files\SecondResponder\Sync-SecondResponderAlerts.ps1"
#>
param([string] $Folder = "$env:ProgramData\SecondResponder")
$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/SecondResponder.Scom.psm1"

# A closed alert that SCOM wrote while the run before was reading is seen by this one.
$Overlap = [TimeSpan]::FromMinutes(10)
$NotesKept = [TimeSpan]::FromDays(30)
$OverStates = 254, 255
$MarkBegins = 'SecondResponder '

<# Spools what SCOM has. #>
function Save-OpenAlert {
    param([hashtable] $Settings)
    $noted = Read-Note '' 'watermark'
    $watermark = $(if ($noted) { ConvertTo-UtcTime ([DateTime] $noted) } else { [DateTime]::UtcNow })
    # The form that SCOM reads in every culture: that of en-US, in UTC.
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
            Write-Log "An alert can't be spooled: $($_.Exception.Message)"
        }
    }
    # Only now: what is not on disk must be asked for again.
    if ($failed -eq 0) { Write-Note '' 'watermark' $watermark.ToString('o') }
}

<# Incidents that are open, and those that were opened lately, the newest first; each once. #>
function Get-Incident {
    param([hashtable] $Settings)
    $since = [DateTime]::UtcNow.AddHours(-[double] $Settings.LookBackHours).ToString('yyyy-MM-ddTHH\:mm\:ssZ', [Globalization.CultureInfo]::InvariantCulture)
    $seen = [Collections.Generic.HashSet[string]]::new()
    foreach ($query in 'state=open', "since=$since") {
        $cursor = ''
        do {
            # Small pages: 5.1 reads no JSON above a few megabytes.
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

<# By the alert's id, the incident that was opened last: an alert may have been looked at more than once. #>
function Get-NewestIncident {
    param([hashtable] $Settings)
    $newest = [ordered] @{}
    foreach ($incident in Get-Incident $Settings) {
        # Text in 5.1, a time in 7.
        $openedAt = ConvertTo-UtcTime ([DateTime] $incident.openedAt)
        foreach ($posted in @($incident.alerts)) {
            $id = ConvertTo-AlertId ([string] $posted.senderId)
            if ($posted.source -ne 'scom' -or -not $id) { continue }
            if (-not $newest.Contains($id) -or $newest[$id].OpenedAt -lt $openedAt) { $newest[$id] = @{ OpenedAt = $openedAt; Incident = $incident } }
        }
    }
    $newest
}

<# Answers how many alerts could not be written on. #>
function Write-Incident {
    param([hashtable] $Settings)
    $newest = Get-NewestIncident $Settings
    $failures = @(foreach ($id in $newest.Keys) {
        try { Write-Alert $Settings $id $newest[$id].Incident } catch { "${id}: $($_.Exception.Message)" }
    })
    if ($failures.Count -gt 0) { Write-Log "$($failures.Count) alerts can't be written on, such as $($failures[0])" }
    $failures.Count
}

<# Writes what the incident has come to, unless that stands there. #>
function Write-Alert {
    param([hashtable] $Settings, [string] $Id, $Incident)
    $stage = Get-Stage $Incident
    $mark = "$MarkBegins$($Incident.id) $stage"
    $field = "CustomField$($Settings.MarkField)"
    if ((Read-Note said $Id) -eq $mark) { return }
    $alert = Get-SCOMAlert -Id ([guid] $Id) -ErrorAction Stop
    if (-not $alert) { return }
    $stands = "$(Read-Property $alert $field)"
    if ($stands -and -not $stands.StartsWith($MarkBegins, 'Ordinal')) { throw "$field is used by somebody else. Choose another MarkField." }
    if ($stands -ne $mark) {
        $change = @{ Alert = $alert; Comment = (Get-Comment $Incident $stage); $field = $mark }
        $now = [int] (Read-Property $alert 'ResolutionState')
        $begun = $stage -in 'open', 'approving' -and $now -notin $OverStates
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
    $says = $(switch ($Stage) { 'open' { 'is looking into it.' } 'approving' { 'waits for the approval of a person.' } default { "$Stage." } })
    $reason = "$(Read-Property $Incident 'reason')"
    Limit ((@("Second Responder: $says", $reason, "(incident $($Incident.id))") | Where-Object { $_ }) -join ' ') 1000
}

<# The state to set; nothing where a person has set one, where it is over, or where none is wanted. Never one that closes. #>
function Get-NewState {
    param([hashtable] $Settings, [string] $Stage, [int] $Now)
    if ($null -eq $Settings.ResolutionStates -or $Now -in $OverStates) { return }
    $ours = @($Settings.ResolutionStates.PSObject.Properties | ForEach-Object { [int] $_.Value })
    if (@($ours | Where-Object { $_ -notin 0..253 }).Count -gt 0) { throw 'ResolutionStates: 254 and 255 would close the alert; take 0 to 253.' }
    $wanted = Read-Property $Settings.ResolutionStates $Stage
    if ($null -ne $wanted -and $wanted -ne $Now -and ($Now -eq 0 -or $Now -in $ours)) { $wanted }
}

$trouble = 0
try {
    Initialize-Folder $Folder 'sync.log'
    $settings = Read-Settings
    try {
        Import-Module OperationsManager
        Resolve-AlertId
        Save-OpenAlert $settings
    } catch {
        # What is spooled already can be posted all the same.
        $trouble++
        Write-Log "SCOM can't be asked: $($_.Exception.Message)"
    }
    $trouble += Send-Spool $settings 180
    if ($settings.ViewerTokenFile) { $trouble += Write-Incident $settings }
    Remove-OldNote $NotesKept
} catch {
    $trouble++
    try { Write-Log $_.Exception.Message } catch { [Console]::Error.WriteLine($_) }
}
exit [Math]::Min($trouble, 1)
