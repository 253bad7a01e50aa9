<#
.SYNOPSIS
Connects SCOM to Second Responder: creates a folder with settings, a command channel, a subscriber, a subscription and a scheduled task.

.DESCRIPTION
Run it on each management server, elevated, as an Operations Manager administrator, first with -WhatIf. It leaves existing objects unchanged, so you
can run it again. Channel, subscriber and subscription belong to the whole management group; folder and task belong to each server.

Cmdlets and parameters follow Microsoft's reference for Operations Manager 2016. Public documentation does not confirm the names AlertName and
ResolutionState and the operator ContainsSubstring in the criteria of a subscription. If SCOM refuses them, create the subscription in the console, or
create any subscription there with the criteria "name contains health set, state New or Closed" and pass its name as -CriteriaOf, which is the documented
way to copy criteria.

.PARAMETER Uri
Address of the daemon: https, or http on this machine.

.PARAMETER TaskUser
Account of the task, such as CONTOSO\second-responder$ (a group managed service account). It must be able to read alerts, and to change them to write back.

.PARAMETER TokenFile
File with the sender's token. Create it yourself, readable only by the notification account and the account of the task.

.PARAMETER ViewerTokenFile
File with a viewer's token. If given, the task writes back to SCOM.

.PARAMETER Folder
Folder for settings and spool.

.PARAMETER CriteriaOf
Display name of a subscription whose criteria to use.

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

# The task has another working directory, so a path must not depend on it.
foreach ($path in $Folder, $PSScriptRoot) { if ($path.Contains('"')) { throw "The path contains a quotation mark: $path. Use another folder." } }

$settingsFile = [IO.Path]::Combine($Folder, 'settings.json')
if (-not [IO.File]::Exists($settingsFile) -and $PSCmdlet.ShouldProcess($settingsFile, 'write settings')) {
    [void] [IO.Directory]::CreateDirectory($Folder)
    $settings = [ordered] @{ Uri = $Uri; TokenFile = $TokenFile; ViewerTokenFile = $ViewerTokenFile }
    [IO.File]::WriteAllText($settingsFile, (ConvertTo-Json -InputObject $settings), [Text.UTF8Encoding]::new($false))
}

Import-Module OperationsManager
if (-not (Get-SCOMNotificationChannel -DisplayName $Name -ErrorAction SilentlyContinue) -and $PSCmdlet.ShouldProcess($Name, 'add command channel')) {
    # SCOM replaces $Data...$ with the id; PowerShell must not.
    $argument = "$Begin `"$PSScriptRoot\Send-SecondResponderAlert.ps1`" -AlertId `"" + '$Data[Default=''NotPresent'']/Context/DataItem/AlertId$' + "`" -Folder `"$Folder`""
    [void] (Add-SCOMNotificationChannel -Name $Name -ApplicationPath $PowerShell -Argument $argument -WorkingDirectory $PSScriptRoot)
}
if (-not (Get-SCOMNotificationSubscriber -Name $Name -ErrorAction SilentlyContinue) -and $PSCmdlet.ShouldProcess($Name, 'add subscriber')) {
    # SCOM lists a command channel as a device.
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
        # Password: for a managed account, whose password Windows manages.
        Principal = New-ScheduledTaskPrincipal -UserId $TaskUser -LogonType Password
        Settings  = New-ScheduledTaskSettingsSet -MultipleInstances IgnoreNew -ExecutionTimeLimit ([TimeSpan]::FromMinutes(15)) -StartWhenAvailable
    }
    [void] (Register-ScheduledTask @task)
}
