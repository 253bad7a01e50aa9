<#
.SYNOPSIS
Functions of Windows for the scripts in this folder, for which Windows PowerShell has no cmdlets.

.DESCRIPTION
Separate and short, because it runs only on Windows: tests replace this module.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

<# Whether this process has administrator rights ("Run as administrator"). #>
function Test-Elevated {
    $me = [Security.Principal.WindowsPrincipal]::new([Security.Principal.WindowsIdentity]::GetCurrent())
    $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

<# PowerShell 7 would register an endpoint of PowerShell 7. #>
function Test-WindowsPowerShell { $PSVersionTable.PSEdition -ne 'Core' }

<# Name (DOMAIN\name) and SID of an account or group; nothing if it does not exist. #>
function Resolve-Account {
    param([string] $Account)
    try {
        $sid = [Security.Principal.NTAccount]::new($Account).Translate([Security.Principal.SecurityIdentifier])
        @{ Name = $sid.Translate([Security.Principal.NTAccount]).Value; Sid = $sid.Value }
    } catch [Security.Principal.IdentityNotMappedException] { }
}

function Test-EventSource {
    param([string] $Source)
    [Diagnostics.EventLog]::SourceExists($Source)
}

<#
Uses the service control manager, not WinRM: a restart from a WinRM session would end its own process, and WinRM would stay stopped.
#>
function Restart-WinRM {
    param([string] $ComputerName)
    [void] [Reflection.Assembly]::LoadWithPartialName('System.ServiceProcess')
    $service = [ServiceProcess.ServiceController]::new('WinRM', $ComputerName)
    try {
        $limit = [TimeSpan]::FromMinutes(2)
        if ($service.Status -ne 'Stopped') { $service.Stop() }
        $service.WaitForStatus('Stopped', $limit)
        $service.Start()
        $service.WaitForStatus('Running', $limit)
    } finally { $service.Dispose() }
}

Export-ModuleMember -Function Test-Elevated, Test-WindowsPowerShell, Resolve-Account, Test-EventSource, Restart-WinRM
