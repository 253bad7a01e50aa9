<#
.SYNOPSIS
Replaces SCOM's module of this name: alerts are read from the file SCOM_ALERTS, and every changing call is recorded in the file SCOM_CALLS.

.DESCRIPTION
Parameters follow the public documentation. Only the criteria that the scripts use are supported. Ids are Guids, and times are DateTimes of unspecified
kind, as SCOM may return them.
#>
$ErrorActionPreference = 'Stop'

function Read-Alerts {
    foreach ($entry in (ConvertFrom-Json ([IO.File]::ReadAllText($env:SCOM_ALERTS)))) {
        $alert = [ordered] @{}
        foreach ($property in $entry.PSObject.Properties) { $alert[$property.Name] = $property.Value }
        $alert.Id = [guid] $alert.Id
        foreach ($name in 'TimeRaised', 'LastModified') {
            if ($alert[$name]) { $alert[$name] = [DateTime]::SpecifyKind(([DateTime] $alert[$name]).ToUniversalTime(), 'Unspecified') }
        }
        [pscustomobject] $alert
    }
}

function Write-Alerts {
    param([object[]] $Alerts)
    [IO.File]::WriteAllText($env:SCOM_ALERTS, (ConvertTo-Json -InputObject $Alerts -Depth 3))
}

function Write-Call {
    param([string] $Command, $Parameters)
    [IO.File]::AppendAllText($env:SCOM_CALLS, (ConvertTo-Json -InputObject @{ command = $Command; parameters = $Parameters } -Depth 3 -Compress) + "`n")
}

function Get-SCOMAlert {
    [CmdletBinding()]
    param([guid[]] $Id, [string] $Criteria)
    if ($env:SCOM_SLOW) { [IO.File]::WriteAllText("$env:SCOM_CALLS.asked", 'asked'); Start-Sleep -Seconds 60 }
    if ($env:SCOM_DOWN) { throw 'The Data Access service is either not running or not yet initialized.' }
    if ($Id) { return Read-Alerts | Where-Object { $_.Id -in $Id } }
    $asked = "^\(Name LIKE '%health set%'\) AND \(ResolutionState < 255 OR LastModified >= '(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)'\)`$"
    if ($Criteria -notmatch $asked) { throw "These criteria are not supported: $Criteria" }
    $since = [DateTime]::ParseExact($Matches[1], 'MM/dd/yyyy HH:mm:ss', [Globalization.CultureInfo]::InvariantCulture)
    Read-Alerts | Where-Object { $_.Name -like '*health set*' -and ($_.ResolutionState -lt 255 -or $_.LastModified -ge $since) }
}

function Set-SCOMAlert {
    [CmdletBinding()]
    param($Alert, [string] $Comment, [byte] $ResolutionState, [string] $Owner, [string] $CustomField9, [string] $CustomField10)
    $given = [ordered] @{}
    foreach ($name in $PSBoundParameters.Keys) { if ($name -notin 'Alert', 'ErrorAction') { $given[$name] = $PSBoundParameters[$name] } }
    Write-Call 'Set-SCOMAlert' ([ordered] @{ Id = "$($Alert.Id)" } + $given)
    $alerts = @(Read-Alerts)
    foreach ($each in $alerts) {
        if ($each.Id -ne $Alert.Id) { continue }
        foreach ($name in $given.Keys) { $each | Set-Note $name $given[$name] }
        $each | Set-Note 'LastModified' ([DateTime]::UtcNow)
    }
    Write-Alerts $alerts
    if ($env:SCOM_KILLED_AFTER_SET) { [Diagnostics.Process]::GetCurrentProcess().Kill() }
}

filter Set-Note {
    param([string] $Name, $Value)
    $_.PSObject.Properties.Remove($Name)
    $_.PSObject.Properties.Add([psnoteproperty]::new($Name, $Value))
}

# Cmdlets that Install-SecondResponderChannel.ps1 uses, including those of scheduled tasks. Objects exist once they were added.

function Get-Added {
    param([string] $Command, [string] $Name)
    if (-not [IO.File]::Exists($env:SCOM_CALLS)) { return }
    foreach ($line in [IO.File]::ReadAllLines($env:SCOM_CALLS)) {
        $call = ConvertFrom-Json $line
        if ($call.command -eq $Command -and ($call.parameters.PSObject.Properties['Name'], $call.parameters.PSObject.Properties['TaskName']).Value -eq $Name) { $call.parameters }
    }
}

function Get-SCOMNotificationChannel { [CmdletBinding()] param([string] $DisplayName) Get-Added 'Add-SCOMNotificationChannel' $DisplayName }
function Get-SCOMNotificationSubscriber { [CmdletBinding()] param([string] $Name) Get-Added 'Add-SCOMNotificationSubscriber' $Name }
function Get-ScheduledTask { [CmdletBinding()] param([string] $TaskName) Get-Added 'Register-ScheduledTask' $TaskName }

function Get-SCOMNotificationSubscription {
    [CmdletBinding()]
    param([string] $DisplayName)
    if ($DisplayName -eq 'made in the console') { return @{ Configuration = @{ Criteria = '<And>its criteria</And>' } } }
    Get-Added 'Add-SCOMNotificationSubscription' $DisplayName
}

function Add-SCOMNotificationChannel {
    [CmdletBinding()]
    param([string] $Name, [string] $ApplicationPath, [string] $Argument, [string] $WorkingDirectory)
    Write-Call 'Add-SCOMNotificationChannel' $PSBoundParameters
}

function Add-SCOMNotificationSubscriber {
    [CmdletBinding()]
    param([string] $Name, [string[]] $DeviceList)
    Write-Call 'Add-SCOMNotificationSubscriber' $PSBoundParameters
}

function Add-SCOMNotificationSubscription {
    [CmdletBinding()]
    param([string] $Name, [string] $Criteria, [Parameter(Mandatory = $true)] $Subscriber, [Parameter(Mandatory = $true)] $Channel)
    # Must be valid XML.
    [void] [xml] $Criteria
    Write-Call 'Add-SCOMNotificationSubscription' @{ Name = $Name; Criteria = $Criteria; Subscriber = $Subscriber.Name; Channel = $Channel.Name }
}

function New-ScheduledTaskAction { [CmdletBinding()] param([string] $Execute, [string] $Argument) "$Execute $Argument" }
function New-ScheduledTaskTrigger { [CmdletBinding()] param([switch] $Once, [DateTime] $At, [TimeSpan] $RepetitionInterval) "every $RepetitionInterval" }
function New-ScheduledTaskPrincipal { [CmdletBinding()] param([string] $UserId, [string] $LogonType) "$UserId by $LogonType" }
function New-ScheduledTaskSettingsSet { [CmdletBinding()] param([string] $MultipleInstances, [TimeSpan] $ExecutionTimeLimit, [switch] $StartWhenAvailable) "$MultipleInstances" }

function Register-ScheduledTask {
    [CmdletBinding()]
    param([string] $TaskName, $Action, $Trigger, $Principal, $Settings)
    Write-Call 'Register-ScheduledTask' $PSBoundParameters
}
