<#
One shell for many tests, as a start of PowerShell takes longer than most of them. Reads requests, a line of JSON each: the folder of a site, what
to do there, and the file for what came of it. Says "--- done" when it is written; what is printed before that belongs to it.

    runs       one of the scripts of deploy/jea, several times, each with parameters of its own, with stand-ins in the place of what it calls
    attempts   commands with parameters, or scripts, in a session of the endpoint. Local: the session configuration is loaded by PowerShell
               itself, role and all, in this process. Remote: over PowerShell's own remoting, with a program in the place of ssh that starts the
               other side; PowerShell takes no role definitions there, so that configuration has the role's content.
#>
$ErrorActionPreference = 'Stop'
foreach ($module in 'WindowsServer', 'Exchange', 'Directory') { Import-Module "$PSScriptRoot/$module.psm1" -DisableNameChecking -Global }
$ModulePath = $env:PSModulePath
$Path = $env:PATH

function ConvertTo-Table {
    param($Object)
    $table = @{}
    foreach ($property in $Object.PSObject.Properties) {
        $value = $property.Value
        $table[$property.Name] = $(if ($value -is [Management.Automation.PSCustomObject]) { ConvertTo-Table $value } else { $value })
    }
    $table
}

function Invoke-Script {
    param($Request)
    foreach ($set in $Request.runs) {
        $parameters = ConvertTo-Table $set.parameters
        [IO.File]::WriteAllText("$env:JEA_SITE/state.json", (ConvertTo-Json -InputObject $set.state -Depth 5))
        if ($set.PSObject.Properties['remoteSession']) { $global:PSSenderInfo = 'somebody' }
        $answer = @{ rows = @(); warnings = @(); errors = @(); said = @() }
        Set-Server EX1
        [Console]::Out.WriteLine('--- run')
        try {
            & $Request.script @parameters *>&1 | ForEach-Object {
                if ($_ -is [Management.Automation.WarningRecord]) { $answer.warnings += $_.Message }
                elseif ($_ -is [Management.Automation.ErrorRecord]) { $answer.errors += "$_" }
                elseif ($_ -is [Management.Automation.InformationRecord]) { $answer.said += "$_" }
                else { $answer.rows += $_ }
            }
        } catch { $answer.errors += "$_" }
        Remove-Variable PSSenderInfo -Scope Global -ErrorAction SilentlyContinue
        $answer
    }
}

function Get-Text { param([string] $Base64) [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($Base64)) }

function Open-Endpoint {
    param($Request)
    if ($Request.remote) { return (New-PSSession -HostName somewhere -UserName somebody).Runspace }
    $state = [Management.Automation.Runspaces.InitialSessionState]::CreateFromSessionConfigurationFile($Request.configuration, [Func[string, bool]] {
        param($role)
        $global:Roles += $role
        $true
    })
    $runspace = [Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace([Management.Automation.Runspaces.InitialSessionState] $state)
    $runspace.Open()
    $runspace
}

function Invoke-Attempt {
    param($Runspace, $Attempt)
    $answer = @{ rows = @(); error = ''; id = '' }
    $shell = [PowerShell]::Create()
    try {
        $shell.Runspace = $Runspace
        if ($Attempt.PSObject.Properties['script']) {
            [void] $shell.AddScript((Get-Text $Attempt.script))
        } else {
            [void] $shell.AddCommand((Get-Text $Attempt.command))
            foreach ($property in $Attempt.text.PSObject.Properties) { [void] $shell.AddParameter($property.Name, (Get-Text $property.Value)) }
            foreach ($property in $Attempt.values.PSObject.Properties) { [void] $shell.AddParameter($property.Name, $property.Value) }
        }
        foreach ($row in $shell.Invoke()) { $answer.rows += $(if ($row.PSObject.Properties['CommandType']) { "$($row.Name)" } else { ConvertTo-Json $row -Compress }) }
        if ($shell.Streams.Error.Count -gt 0) {
            $answer.error = "$($shell.Streams.Error[0])"
            $answer.id = $shell.Streams.Error[0].FullyQualifiedErrorId
        }
    } catch {
        $cause = $_.Exception
        if ($cause.InnerException) { $cause = $cause.InnerException }
        $answer.error = $cause.Message
        $record = $cause.PSObject.Properties['ErrorRecord']
        $answer.id = $(if ($record -and $record.Value) { $record.Value.FullyQualifiedErrorId } else { $cause.GetType().Name })
    } finally { $shell.Dispose() }
    $answer
}

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $request = ConvertFrom-Json $line
    $env:JEA_SITE = $request.site
    if ($request.PSObject.Properties['runs']) {
        $came = @(Invoke-Script $request)
    } else {
        $env:PSModulePath = $request.modules + [IO.Path]::PathSeparator + $ModulePath
        $env:PATH = $request.programs + [IO.Path]::PathSeparator + $Path
        $global:Roles = @()
        $runspace = Open-Endpoint $request
        $came = @{ answers = @(foreach ($attempt in (ConvertFrom-Json ([IO.File]::ReadAllText($request.attempts)))) { Invoke-Attempt $runspace $attempt }); roles = $global:Roles }
        $runspace.Close()
        Get-PSSession | Remove-PSSession
        $env:PSModulePath = $ModulePath
        $env:PATH = $Path
    }
    [IO.File]::WriteAllText($request.answers, (ConvertTo-Json -InputObject $came -Depth 6))
    [Console]::Out.WriteLine('--- done')
}
