# Asks SecondResponder.psm1 what kind of failure something is: its own functions for that are nobody else's.
$module = Import-Module -Name ([IO.Path]::Combine($PSScriptRoot, '..', '..', 'deploy', 'powershell', 'SecondResponder.psm1')) -PassThru

function Get-CodeOf {
    param($text, $id, $type, $opening, $category = 'NotSpecified')
    $exception = if ($type) { New-Thing $type $text } else { [Management.Automation.RuntimeException]::new($text) }
    $record = [Management.Automation.ErrorRecord]::new($exception, $id, $category, $null)
    & $module { param($record, $opening) Get-FailureCode $record -Opening:$opening } $record ([bool] $opening)
}

function New-Thing { param([string] $type, [string] $text) [Activator]::CreateInstance([type] $type, [object[]] @($text)) }

# A server with one service, whose restart fails in a way of Windows' own.
$target = Import-Module -Name ([IO.Path]::Combine($PSScriptRoot, '..', '..', 'deploy', 'powershell', 'SecondResponder.Target.psm1')) -PassThru
$logged = [Collections.ArrayList]::new()
${function:global:Get-Date} = { [DateTime]::UtcNow }
${function:global:Get-Service} = { [pscustomobject] @{ Name = 'MSExchangeIMAP4'; Status = 'Running'; StartType = 'Automatic' } }
${function:global:Get-CimInstance} = { [pscustomobject] @{ Name = 'MSExchangeIMAP4'; ProcessId = 7 } }
${function:global:Get-Process} = { [pscustomobject] @{ StartTime = [DateTime]::new(2026, 1, 1, 0, 0, 0, [DateTimeKind]::Utc) } }
${function:global:Write-EventLog} = { param($LogName, $Source, $EventId, $EntryType, $Message) $null = $logged.Add($EventId) }.GetNewClosure()

function Restart-Failing {
    param($id)
    $failure = [Management.Automation.ErrorRecord]::new([Exception]::new('the words of Windows'), "$id,Microsoft.PowerShell.Commands.RestartServiceCommand", 'OpenError', $null)
    ${function:global:Restart-Service} = { throw $failure }.GetNewClosure()
    $logged.Clear()
    $now = [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()
    $seen = [DateTimeOffset]::new(2026, 1, 1, 0, 0, 0, [TimeSpan]::Zero).ToUnixTimeMilliseconds()
    try {
        & $target { param($now, $seen) Restart-TargetService -Name MSExchangeIMAP4 -StartedAt $seen -NotAfter ($now + 30000) -Caller 'a test' } $now $seen
    } catch {
        @{ id = ([string] $_.FullyQualifiedErrorId).Split(',')[0]; says = [string] $_; logged = @($logged) }
    }
}

Export-ModuleMember -Function Get-CodeOf, Restart-Failing
