# Asks SecondResponder.psm1 what kind of failure something is: its own functions for that are nobody else's.
$module = Import-Module -Name ([IO.Path]::Combine($PSScriptRoot, '..', '..', 'deploy', 'powershell', 'SecondResponder.psm1')) -PassThru

function Get-CodeOf {
    param($text, $id, $type, $opening)
    $exception = if ($type) { New-Thing $type $text } else { [Management.Automation.RuntimeException]::new($text) }
    $record = [Management.Automation.ErrorRecord]::new($exception, $id, 'NotSpecified', $null)
    & $module { param($record, $opening) Get-FailureCode $record -Opening:$opening } $record ([bool] $opening)
}

function New-Thing { param([string] $type, [string] $text) [Activator]::CreateInstance([type] $type, [object[]] @($text)) }

Export-ModuleMember -Function Get-CodeOf
