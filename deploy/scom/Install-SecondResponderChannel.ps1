<#
.SYNOPSIS
Sets up what SCOM needs to tell Second Responder: folder and settings, command channel, subscriber, subscription, scheduled task.

.DESCRIPTION
Run it on each management server, elevated, as an Operations Manager administrator; with -WhatIf first. What is there already is left as it is, so it
may be run again. SCOM keeps channel, subscriber and subscription for the whole management group; folder and task are each server's own.

Names and parameters of the cmdlets are those of Microsoft's reference for Operations Manager 2016. Not confirmed by anything public:
the names AlertName and ResolutionState and the operator ContainsSubstring in the criteria of a subscription. If SCOM refuses them, make the
subscription in the console, or make any subscription there with the criteria "name contains health set, state New or Closed" and name it
with -CriteriaOf, which is the documented way to copy one.

.PARAMETER Uri
The address of the daemon, https, or http on this machine.

.PARAMETER TaskUser
Whom the task runs as, such as CONTOSO\second-responder$ (a group managed service account). Needs to read alerts, and to write them for the way back.

.PARAMETER TokenFile
The file with the sender's token. It is yours to make, readable for the notification account and the task's user only.

.PARAMETER ViewerTokenFile
The file with a viewer's token. With it the task writes back to SCOM.

.PARAMETER Folder
Where settings and spool go.

.PARAMETER CriteriaOf
The display name of a subscription whose criteria is to be used.

.EXAMPLE
.\Install-SecondResponderChannel.ps1 -Uri https://second-responder.contoso.com -TaskUser 'CONTOSO\second-responder$' -WhatIf
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium')]
param(
    [Parameter(Mandatory = $true)]
    [ValidatePattern('^(https://|http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$))')]
    [string] $Uri,
    [Parameter(Mandatory = $true)] [string] $TaskUser,
    [string] $Folder = "$env:ProgramData\SecondResponder",
    [string] $TokenFile = "$Folder\sender.token",
    [string] $ViewerTokenFile = '',
    [string] $CriteriaOf = ''
)
$ErrorActionPreference = 'Stop'
$Name = 'Second Responder'
$PowerShell = "$env:SystemRoot\System32\WindowsPowerShell\v1.0\powershell.exe"
$Begin = '-NoProfile -NonInteractive -File'

$Criteria = @'
<And xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Expression>
    <RegExExpression>
      <ValueExpression><Property>AlertName</Property></ValueExpression>
      <Operator>ContainsSubstring</Operator>
      <Pattern>health set</Pattern>
    </RegExExpression>
  </Expression>
  <Expression>
    <Or>
      <Expression><SimpleExpression><ValueExpression><Property>ResolutionState</Property></ValueExpression><Operator>Equal</Operator><ValueExpression><Value>0</Value></ValueExpression></SimpleExpression></Expression>
      <Expression><SimpleExpression><ValueExpression><Property>ResolutionState</Property></ValueExpression><Operator>Equal</Operator><ValueExpression><Value>255</Value></ValueExpression></SimpleExpression></Expression>
    </Or>
  </Expression>
</And>
'@

# A relative path would be another one for the task.
foreach ($path in $Folder, $PSScriptRoot) { if ($path.Contains('"')) { throw "A path with a quotation mark can't be passed on: $path" } }

$settingsFile = [IO.Path]::Combine($Folder, 'settings.json')
if (-not [IO.File]::Exists($settingsFile) -and $PSCmdlet.ShouldProcess($settingsFile, 'write settings')) {
    [void] [IO.Directory]::CreateDirectory($Folder)
    $settings = [ordered] @{ Uri = $Uri; TokenFile = $TokenFile; ViewerTokenFile = $ViewerTokenFile }
    [IO.File]::WriteAllText($settingsFile, (ConvertTo-Json -InputObject $settings), [Text.UTF8Encoding]::new($false))
}

Import-Module OperationsManager
if (-not (Get-SCOMNotificationChannel -DisplayName $Name -ErrorAction SilentlyContinue) -and $PSCmdlet.ShouldProcess($Name, 'add command channel')) {
    # SCOM puts the id in place of $Data...$; PowerShell must not.
    $argument = "$Begin `"$PSScriptRoot\Send-SecondResponderAlert.ps1`" -AlertId `"" + '$Data[Default=''NotPresent'']/Context/DataItem/AlertId$' + "`" -Folder `"$Folder`""
    [void] (Add-SCOMNotificationChannel -Name $Name -ApplicationPath $PowerShell -Argument $argument -WorkingDirectory $PSScriptRoot)
}
if (-not (Get-SCOMNotificationSubscriber -Name $Name -ErrorAction SilentlyContinue) -and $PSCmdlet.ShouldProcess($Name, 'add subscriber')) {
    # A command channel is named like an address.
    [void] (Add-SCOMNotificationSubscriber -Name $Name -DeviceList $Name)
}
if (-not (Get-SCOMNotificationSubscription -DisplayName $Name -ErrorAction SilentlyContinue) -and $PSCmdlet.ShouldProcess($Name, 'add subscription')) {
    if ($CriteriaOf) { $Criteria = (Get-SCOMNotificationSubscription -DisplayName $CriteriaOf).Configuration.Criteria }
    $subscriber = Get-SCOMNotificationSubscriber -Name $Name
    $channel = Get-SCOMNotificationChannel -DisplayName $Name
    [void] (Add-SCOMNotificationSubscription -Name $Name -Criteria $Criteria -Subscriber $subscriber -Channel $channel)
}

if (-not (Get-ScheduledTask -TaskName $Name -ErrorAction SilentlyContinue) -and $PSCmdlet.ShouldProcess($Name, 'register scheduled task')) {
    $task = @{
        TaskName  = $Name
        Action    = New-ScheduledTaskAction -Execute $PowerShell -Argument "$Begin `"$PSScriptRoot\Sync-SecondResponderAlerts.ps1`" -Folder `"$Folder`""
        Trigger   = New-ScheduledTaskTrigger -Once -At ([DateTime]::Now) -RepetitionInterval ([TimeSpan]::FromMinutes(5))
        # Password: for a managed account, whose password Windows knows by itself.
        Principal = New-ScheduledTaskPrincipal -UserId $TaskUser -LogonType Password
        Settings  = New-ScheduledTaskSettingsSet -MultipleInstances IgnoreNew -ExecutionTimeLimit ([TimeSpan]::FromMinutes(15)) -StartWhenAvailable
    }
    [void] (Register-ScheduledTask @task)
}
