/**
 * The only script that a shell receives, at start; it never changes and runs in Windows PowerShell 5.1. It defines one command,
 * which answers one line of input. The functions that it calls can't access its state.
 */
const SCRIPT = `
$global:ErrorActionPreference = 'Stop'
$global:WarningPreference = 'Continue'
$global:ProgressPreference = 'SilentlyContinue'
$null = New-Module -Name SecondResponderHost -ScriptBlock {
  $functions = @{}
  $output = [Console]::Out

  # A handler that ends this process. It has no PowerShell in it: that could only run when nothing else does.
  function New-End([type]$handler, [type[]]$takes) {
    $expression = [Linq.Expressions.Expression]
    [Linq.Expressions.ParameterExpression[]]$signature = foreach ($type in $takes) { $expression::Parameter($type) }
    $exit = $expression::Call([Environment].GetMethod('Exit'), $expression::Constant(1))
    $expression::Lambda($handler, $exit, $signature).Compile()
  }
  $endByTimer = New-End ([Threading.TimerCallback]) ([object])

  # Who holds the other end: the daemon, or on another machine the ssh server's process for this connection.
  function Get-Holder($request) {
    if ($request.watch) { return [Diagnostics.Process]::GetProcessById($request.watch) }
    $process = [Diagnostics.Process]::GetCurrentProcess()
    while ($process -and $process.ProcessName -notlike 'sshd*') {
      $process = if ($PSVersionTable.PSEdition -eq 'Core') { $process.Parent } else {
        [Diagnostics.Process]::GetProcessById(([wmi]"Win32_Process.Handle='$($process.Id)'").ParentProcessId)
      }
    }
    $process
  }

  # Texts come with a character in front, records become hashtables, lists stay lists.
  function ConvertFrom-Marked($value) {
    if ($null -eq $value -or $value -is [ValueType]) { return $value }
    if ($value -is [string]) { return $value.Substring(1) }
    if ($value -is [array]) {
      $list = [object[]]::new($value.Length)
      for ($at = 0; $at -lt $list.Length; $at++) { $list[$at] = ConvertFrom-Marked $value[$at] }
      return , $list
    }
    $record = @{}
    foreach ($field in $value.PSObject.Properties) { $record[$field.Name] = ConvertFrom-Marked $field.Value }
    return $record
  }

  function Import-Functions($request) {
    foreach ($path in $request.modules) {
      # The path is a path, whatever characters it has.
      $module = Import-Module -Name ([Management.Automation.WildcardPattern]::Escape($path)) -PassThru -DisableNameChecking
      foreach ($name in $module.ExportedFunctions.Keys) { $functions[$name] = $module.ExportedFunctions[$name] }
    }
    # When they are gone nobody wants the rest of what is running here.
    try {
      $script:holder = Get-Holder $request
      $script:holder.add_Exited((New-End ([EventHandler]) ([object], [EventArgs])))
      $script:holder.EnableRaisingEvents = $true
    } catch {
      # Then the end of the input ends an idle shell, and its time limit a busy one.
    }
    @{
      version = $PSVersionTable.PSVersion.ToString(); edition = [string]$PSVersionTable.PSEdition
      process = $PID; functions = @($functions.Keys)
    }
  }

  # Answers one line: a nonce, base64 of a request in JSON, and after how many milliseconds nobody waits for it any more.
  function Receive-SecondResponderRequest([string]$line) {
    $nonce, $data, $limit = $line.Split(' ')
    $timer = $null
    $reply = @{
      value = [Collections.ArrayList]::new(); warnings = [Collections.ArrayList]::new()
      errors = [Collections.ArrayList]::new(); verbose = [Collections.ArrayList]::new()
    }
    try {
      # Who gave up ends this process; who can't, being far away or gone, has it end by itself.
      if ($limit) { $timer = [Threading.Timer]::new($endByTimer, $null, 1000L + $limit, -1L) }
      $json = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($data))
      $request = ConvertFrom-Marked (ConvertFrom-Json -InputObject $json)
      if ($request.ContainsKey('modules')) {
        $null = $reply.value.Add((Import-Functions $request))
      } else {
        $command = $functions[$request.function]
        if (-not $command) { throw "No module of this shell has the function $($request.function)." }
        $arguments = $request.arguments
        & $command @arguments *>&1 | . {
          process {
            if ($_ -is [Management.Automation.WarningRecord]) { $null = $reply.warnings.Add([string]$_) }
            elseif ($_ -is [Management.Automation.ErrorRecord]) { $null = $reply.errors.Add([string]$_) }
            elseif ($_ -is [Management.Automation.InformationalRecord]) { $null = $reply.verbose.Add([string]$_) }
            elseif ($_ -is [Management.Automation.InformationRecord]) { $null = $reply.verbose.Add([string]$_) }
            else { $null = $reply.value.Add($_) }
          }
        }
      }
    } catch {
      $reply.value = $null
      $reply.failure = @{ id = $_.FullyQualifiedErrorId; says = [string]$_ }
    } finally {
      if ($timer) { $timer.Dispose() }
    }
    try {
      $text = ConvertTo-Json -InputObject $reply -Depth 12 -Compress -WarningAction SilentlyContinue -WarningVariable lost
      # What is deeper would be cut off, and half an answer is none. Windows PowerShell 5.1 cuts without a word.
      if ($lost) { throw [string]$lost[0] }
    } catch {
      $text = ConvertTo-Json -InputObject @{ failure = @{ id = 'badReply'; says = [string]$_ } } -Compress
    }
    # In base64 no code page and no line end can touch it; on a line of its own whatever else was written before.
    $encoded = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($text))
    $output.Write([string][char]10 + $nonce + ' ' + $encoded + ' ' + $nonce + [char]10)
    $output.Flush()
  }
  Export-ModuleMember -Function Receive-SecondResponderRequest
}
`;

const LOOP = `${SCRIPT}
while ($null -ne ($line = [Console]::In.ReadLine())) { Receive-SecondResponderRequest $line }
`;

const inBase64 = (script: string) => Buffer.from(script).toString('base64');

const run = (base64: string) =>
  `. ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(${base64}))))`;

/** For a shell that reads commands: one line, because a block would require an empty line after it. */
export const BOOTSTRAP_COMMAND = run(`'${inBase64(SCRIPT)}'`);

/** Sent after it: a shell that could not run it is useless and exits. */
export const END_WITHOUT_BOOTSTRAP =
  'if (-not (Get-Command Receive-SecondResponderRequest -ErrorAction Ignore)) { exit 78 }';

/** Makes the command read the next line as data. */
export const RECEIVE_NEXT_LINE = 'Receive-SecondResponderRequest ([Console]::In.ReadLine())';

/**
 * For a shell that runs one script: a short script that runs the first line of its input. The whole would be too long for a
 * Windows command line that goes through cmd.exe (8,191 characters), such as one over ssh.
 */
export const BOOTSTRAP_LOADER = run('[Console]::In.ReadLine()');

/** That first line. It answers the following lines until there are no more. */
export const BOOTSTRAP_LINE = inBase64(LOOP);
