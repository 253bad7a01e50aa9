<#
One shell for many tests, because starting PowerShell takes longer than most of them. Reads requests, one line of JSON each: the folder of a site, what
to do there, and a file for the result. Prints "--- done" after it has written the result; everything printed before belongs to the request.

    runs       runs a script of deploy/jea several times with different parameters, with replacements for the commands that it calls
    attempts   tries commands with parameters, or scripts, in a session of the endpoint. Local: PowerShell loads the session configuration and its role
               in this process. Remote: over PowerShell remoting, with a program instead of ssh that starts the other side; PowerShell accepts no role
               definitions there, so that configuration contains the content of the role.
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
            foreach ($property in (ConvertTo-Table $Attempt.values).GetEnumerator()) { [void] $shell.AddParameter($property.Key, $property.Value) }
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
        $result = @(Invoke-Script $request)
    } else {
        $env:PSModulePath = $request.modules + [IO.Path]::PathSeparator + $ModulePath
        $env:PATH = $request.programs + [IO.Path]::PathSeparator + $Path
        # Scripts of the administrator are in the site's SecondResponder/Scripts.
        $env:ProgramFiles = $request.site
        $global:Roles = @()
        $runspace = Open-Endpoint $request
        $result = @{ answers = @(foreach ($attempt in (ConvertFrom-Json ([IO.File]::ReadAllText($request.attempts)))) { Invoke-Attempt $runspace $attempt }); roles = $global:Roles }
        $runspace.Close()
        Get-PSSession | Remove-PSSession
        $env:PSModulePath = $ModulePath
        $env:PATH = $Path
        $env:ProgramFiles = $null
    }
    [IO.File]::WriteAllText($request.answers, (ConvertTo-Json -InputObject $result -Depth 6))
    [Console]::Out.WriteLine('--- done')
}
