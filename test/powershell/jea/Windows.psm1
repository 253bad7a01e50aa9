<#
.SYNOPSIS
Replaces deploy/jea/SecondResponder.Windows.psm1: its results come from state.json of the test.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Test-Elevated { [bool] (Read-State).elevated }
function Test-WindowsPowerShell { [bool] (Read-State).windowsPowerShell }

function Resolve-Account {
    param([string] $Account)
    foreach ($known in (Read-State).accounts) { if ($known.name -eq $Account) { return @{ Name = $known.name; Sid = $known.sid } } }
}

function Test-EventSource {
    param([string] $Source)
    [IO.File]::Exists((Get-ServerPath "source $Source"))
}

function Restart-WinRM {
    param([string] $ComputerName)
    Write-Call 'Restart-WinRM' @{ ComputerName = $ComputerName }
}

Export-ModuleMember -Function Test-Elevated, Test-WindowsPowerShell, Resolve-Account, Test-EventSource, Restart-WinRM
