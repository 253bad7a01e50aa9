<#
.SYNOPSIS
Replaces the commands of Windows that SecondResponder.Target.psm1 uses in the endpoint. Changing calls are recorded.
#>
function Get-Service {
    [CmdletBinding()]
    param([string] $Name)
    foreach ($known in 'MSExchangeIMAP4', 'MSExchangeIMAP4BE', 'MSExchangePOP3', 'MSExchangePOP3BE', 'MSExchangeTransport', 'Spooler') {
        if ($known -like $Name) { [pscustomobject] @{ Name = $known; Status = 'Running'; StartType = 'Automatic' } }
    }
}

function Get-CimInstance {
    [CmdletBinding()]
    param([string] $ClassName)
    switch ($ClassName) {
        'Win32_OperatingSystem' { [pscustomobject] @{ LastBootUpTime = [DateTime] '2026-01-01' } }
        'Win32_PerfFormattedData_PerfOS_System' { [pscustomobject] @{ SystemUpTime = 100 } }
    }
}

function Write-Change { param([string] $Text) [IO.File]::AppendAllText("$env:JEA_SITE/changes", "$Text`n") }
function Restart-Service { [CmdletBinding()] param([string] $Name) Write-Change "Restart-Service $Name" }
# PowerShell on Linux has this command too, which must never run.
function Restart-Computer { [CmdletBinding()] param([switch] $Force) Write-Change 'Restart-Computer' }
function Write-EventLog { [CmdletBinding()] param($LogName, $Source, $EventId, $EntryType, $Message) }

Export-ModuleMember -Function Get-Service, Get-CimInstance, Restart-Service, Restart-Computer, Write-EventLog
