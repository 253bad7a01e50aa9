<#
.SYNOPSIS
Hands one SCOM alert to Second Responder. For a command channel, which names it by its id.

.DESCRIPTION
Only the id comes by the command line; everything else is read with Get-SCOMAlert, so that no title has to survive quoting, and no secret
is seen in a list of processes. The alert is on disk before anything is posted, and is deleted once the daemon has said that it is stored;
what could not be posted is posted by the next run, or by the task that runs Sync-SecondResponderAlerts.ps1.

Always ends with 0: SCOM gives up a channel whose command keeps failing (from memory, not confirmed by public documentation).
What went wrong is in send.log in the folder.

.PARAMETER AlertId
The alert's id, with or without braces.

.PARAMETER Folder
Where settings.json and the spool are. See SecondResponder.Scom.psm1.

.EXAMPLE
powershell.exe -NoProfile -NonInteractive -File "C:\Program Files\SecondResponder\Send-SecondResponderAlert.ps1" -AlertId "$Data[Default='NotPresent']/Context/DataItem/AlertId$"
#>
param(
    [string] $AlertId = '',
    [string] $Folder = "$env:ProgramData\SecondResponder"
)
$ErrorActionPreference = 'Stop'
try {
    Import-Module "$PSScriptRoot/SecondResponder.Scom.psm1"
    Initialize-Folder $Folder 'send.log'
    try {
        $id = ConvertTo-AlertId $AlertId
        if ($id) { Save-AlertId $id } else { Write-Log "This is no id of an alert: $(Limit $AlertId 200)" }
        Import-Module OperationsManager
        Resolve-AlertId $id
    } catch {
        # What is spooled already can be posted all the same.
        Write-Log "SCOM can't be asked: $($_.Exception.Message)"
    }
    [void] (Send-Spool (Read-Settings) 60)
} catch {
    # Where there is no folder there is no log.
    try { Write-Log $_.Exception.Message } catch { [Console]::Error.WriteLine($_) }
}
exit 0
