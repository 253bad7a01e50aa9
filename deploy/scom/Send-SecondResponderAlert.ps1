<#
.SYNOPSIS
Posts SCOM alerts about Exchange health sets to Second Responder.

.DESCRIPTION
By a command channel, which names one alert; or by a scheduled task, with -Open, for all that are open or were closed lately.
Posting an alert twice does no harm, so the two can stand side by side: the task finds what the channel dropped in a storm.

.EXAMPLE
powershell.exe -NoProfile -File Send-SecondResponderAlert.ps1 -AlertId "$Data[Default='NotPresent']/Context/DataItem/AlertId$"

.EXAMPLE
powershell.exe -NoProfile -File Send-SecondResponderAlert.ps1 -Open
#>
[CmdletBinding(DefaultParameterSetName = 'One')]
param(
    [Parameter(Mandatory, ParameterSetName = 'One')] [string] $AlertId,
    [Parameter(Mandatory, ParameterSetName = 'Open')] [switch] $Open,
    [string] $Uri = 'https://second-responder.example.com/api/v1/alerts/scom',
    # A file with the sender's token, readable for the notification account only.
    [string] $TokenFile = 'C:\ProgramData\SecondResponder\scom.token'
)
$ErrorActionPreference = 'Stop'
Import-Module OperationsManager

# Only the id comes by the command line. Everything else is read here, so that no title has to survive quoting.
$alerts = if ($Open) {
    $since = [DateTime]::UtcNow.AddHours(-1)
    Get-SCOMAlert -Criteria "Name LIKE '%health set%'" |
        Where-Object { $_.ResolutionState -ne 255 -or $_.LastModified -gt $since }
} else {
    Get-SCOMAlert -Id ([guid] $AlertId.Trim('{}'))
}
if (-not $alerts) { exit 0 }

$properties = 'Id', 'Name', 'Description', 'Severity', 'ResolutionState', 'TimeRaised', 'RepeatCount',
    'NetbiosComputerName', 'PrincipalName', 'MonitoringObjectPath'
$json = ConvertTo-Json -Depth 2 -InputObject @($alerts | Select-Object -Property $properties)
# Bytes: Windows PowerShell would send text as ISO 8859-1, and what is not in it would be lost.
$body = [Text.Encoding]::UTF8.GetBytes($json)
$headers = @{ Authorization = 'Bearer ' + (Get-Content -LiteralPath $TokenFile -Raw).Trim() }

[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
foreach ($attempt in 1..5) {
    try {
        $null = Invoke-RestMethod -Method Post -Uri $Uri -Headers $headers -Body $body -ContentType 'application/json' -TimeoutSec 30
        exit 0
    } catch {
        $response = $_.Exception.Response
        $status = if ($response) { [int] $response.StatusCode } else { 0 }
        # 0: no answer at all. 429 and 503 ask to come again. Anything else would be the same the next time.
        if ($status -notin 0, 429, 500, 502, 503, 504 -or $attempt -eq 5) { throw }
        Start-Sleep -Seconds (5 * $attempt)
    }
}
