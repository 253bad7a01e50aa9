<# Runs a script several times; passes AlertId and Folder on. #>
param([int] $Times, [string] $Script, [string] $AlertId, [string] $Folder)
$given = @{ Folder = $Folder }
if ($AlertId) { $given.AlertId = $AlertId }
foreach ($n in 1..$Times) { & $Script @given }
exit $LASTEXITCODE
