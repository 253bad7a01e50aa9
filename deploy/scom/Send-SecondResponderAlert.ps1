<#
.SYNOPSIS
Sends one SCOM alert to Second Responder. Run by a command channel with the id of the alert.

.DESCRIPTION
The command line contains only the id; Get-SCOMAlert reads everything else, so that titles need no quoting and no secret appears in a list of
processes. The alert is written to disk before it is posted, and is deleted when the daemon has confirmed that it is stored. The next run, or the task
that runs Sync-SecondResponderAlerts.ps1, posts alerts that could not be posted.

Always exits with 0, because SCOM stops using a channel whose command keeps failing (not confirmed by public documentation). Failures are in send.log in the
folder.

.PARAMETER AlertId
Id of the alert, with or without braces.

.PARAMETER Folder
Folder with settings.json and the spool. See SecondResponder.Scom.psm1.

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
        if ($id) { Save-AlertId $id } else { Write-Log "Not an alert id: $(Limit $AlertId 200)" }
        Import-Module OperationsManager
        Resolve-AlertId $id
    } catch {
        # Alerts in the spool can still be posted.
        Write-Log "Failed to read alerts from SCOM: $($_.Exception.Message)"
    }
    [void] (Send-Spool (Read-Settings) 60)
} catch {
    # Without a folder there is no log.
    try { Write-Log $_.Exception.Message } catch { [Console]::Error.WriteLine($_) }
}
exit 0
