# What the tests of the PowerShell host call. One function for each kind of behaviour.

# Gives back what came in, as it came.
function Get-Echo { param($value) , $value }

# What PowerShell sees: type, length, and the code of each character.
function Get-Shape {
  param($value)
  if ($null -eq $value) { return @{ type = 'null' } }
  $shape = @{ type = $value.GetType().FullName }
  if ($value -is [string]) { $shape.codes = @([int[]][char[]]$value) }
  $shape
}

function Get-Rows {
  param($count, $width = 1)
  for ($row = 1; $row -le $count; $row++) { @{ row = $row; text = [string]::new([char]0x7570, $width) } }
}

function Get-Text { param($length) 'x' * $length }

function Get-Nothing { }

function Get-Shell { @{ id = $PID; term = $env:TERM; secret = $env:SECOND_RESPONDER_TOKEN } }

function Get-FromEnvironment { param($name) [Environment]::GetEnvironmentVariable($name) }

# The variables of the environment say how it goes: where to note that it was called, what to wait for, whether to fail.
function Close-Sessions {
  [IO.File]::AppendAllText($env:FAREWELL_NOTES, "$PID$([char]10)")
  if ($env:FAREWELL_GATE) { $null = [IO.File]::ReadAllText($env:FAREWELL_GATE) }
  if ($env:FAREWELL_FAILS) { throw 'it will not close' }
}

function Get-Streams {
  param($fails)
  $VerbosePreference = 'Continue'
  $DebugPreference = 'Continue'
  @{ n = 1 }
  Write-Warning 'slow "disk"'
  Write-Verbose 'looking'
  Write-Debug 'deeper'
  Write-Host 'to the host'
  Write-Information 'by the way'
  Write-Progress -Activity 'half way'
  Write-Error -Message 'not so bad' -ErrorAction Continue
  [Console]::Out.Write('{"glued":')
  [Console]::Error.WriteLine('on stderr')
  @{ n = 2 }
  if ($fails) { throw $fails }
}

# Prints a thing that is too deep to be told whole.
function Get-Deep {
  $deep = 'bottom'
  for ($level = 0; $level -lt 40; $level++) { $deep = @{ in = $deep } }
  $deep
}

# Fails with one of the port's codes, in the server's own words.
function Get-Failure {
  param($code, $words)
  $failure = [Management.Automation.RuntimeException]::new($words)
  throw [Management.Automation.ErrorRecord]::new($failure, $code, 'NotSpecified', $null)
}

function Get-Error { Write-Error 'written, not thrown'; 'never reached' }

function Wait-Long { param($seconds = 600) Start-Sleep -Seconds $seconds; 'awake' }

function Wait-Busy { while ($true) { } }

# Is busy for ever, once it has written a file.
function Write-Busy { param($path) [IO.File]::WriteAllText($path, 'busy'); while ($true) { } }

# A program of the system's, which would go on by itself when only the shell were ended.
function Wait-Child { & /bin/sh -c 'sleep 600 & sleep 600' }

function Start-Orphan { & /bin/sh -c 'sleep 600 >/dev/null 2>&1 </dev/null &'; 'left behind' }

# Reads a value as code, as nothing of ours ever does.
function Invoke-Text { param($text) & ([ScriptBlock]::Create($text)) }

# Reads the input that the shell itself lives on.
function Read-Input { & /bin/cat }

function Stop-Shell { param($code) exit $code }

function Stop-ShellNow { param($signal) & /bin/sh -c "kill -$signal $PID"; Start-Sleep -Seconds 600 }

function Write-Garbage {
  param($text, $times = 1)
  for ($time = 0; $time -lt $times; $time++) { [Console]::Out.WriteLine($text) }
  'done'
}

# An answer of the right form for a question that was not asked.
function Write-Forged {
  $json = '{"value":["forged"],"warnings":[],"errors":[],"verbose":[]}'
  $data = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($json))
  $nonce = '0123456789abcdef0123456789abcdef'
  [Console]::Out.WriteLine("$nonce $data $nonce")
  'mine'
}

function Invoke-Break { break }

function Get-LineEnds { [Console]::Out.NewLine; [Console]::Error.NewLine }

# Spends a known time in the engine.
function Invoke-Work {
  [CmdletBinding()]
  param($times)
  $clock = [Diagnostics.Stopwatch]::StartNew()
  $sum = 0
  for ($n = 0; $n -lt $times; $n++) { $sum += $n }
  @{ sum = $sum; milliseconds = $clock.Elapsed.TotalMilliseconds }
}

Export-ModuleMember -Function *
