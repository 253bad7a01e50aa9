<#
.SYNOPSIS
The commands of Second Responder for Exchange, and for Windows on Exchange servers: one function for each verb of the daemon.

.DESCRIPTION
The daemon keeps a PowerShell running, imports this module in it, and calls its functions with data. There are two channels:

    Exchange  a session with the endpoint Microsoft.Exchange, on one of the servers in the configuration. That endpoint is in no-language mode: it
              takes one command with its parameters, never a script, so it can't run any value as code.
    Windows   a session with the server that the call is about: the JEA endpoint SecondResponder, or plain WinRM. It runs the functions of
              SecondResponder.Target.psm1; over plain WinRM that file is sent along. They compare and act on the server.

A shell keeps at most one session per channel open for reads. The daemon calls Close-Session when a shell has been idle for a while, so that no
session is kept across a wait. Each change has a session of its own, which is closed right after it. Sessions avoid the server that the call is
about if there is another one.

Every function takes a connection:

    endpoints          servers for the Exchange channel, in the order in which they are tried
    target             the server's full name, for the Windows channel
    configuration      the endpoint of the Windows channel: SecondResponder (JEA) or Microsoft.PowerShell
    ssl                whether the Windows channel uses TLS
    credentialFile     a credential that this account wrote on this machine with Export-Clixml; empty: the account itself
    domainController   where settings are read and written; empty: where the last change was made, or Exchange's choice
    unspecifiedTimes   utc or local: what a time without a time zone means
    timeLimit          milliseconds for the whole call
    caller             who asks; sent along with the session

They return plain data: texts, numbers, booleans, lists; times as milliseconds since 1970 in UTC. A call that fails throws an error whose id is one
of unreachable, accessDenied, sessionLimit, timedOut, refused, notFound, badReply, unknown, with the server's own message. Warnings are passed on,
since some Exchange commands report a failure as a warning.

The parts are the files SecondResponder.*.ps1 beside this one. They are one module: copy, sign and unblock all files of the folder together.

Runs in Windows PowerShell 5.1 and PowerShell 7; all files are ASCII.
#>
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

. "$PSScriptRoot/SecondResponder.Failures.ps1"
. "$PSScriptRoot/SecondResponder.Sessions.ps1"
. "$PSScriptRoot/SecondResponder.Answers.ps1"
. "$PSScriptRoot/SecondResponder.Reads.ps1"
. "$PSScriptRoot/SecondResponder.Doctor.ps1"
. "$PSScriptRoot/SecondResponder.Changes.ps1"

Export-ModuleMember -Function Get-Organisation, Get-HealthRow, Invoke-Probe, Get-CopyOnServer, Get-CopyOfDatabase, Get-MailboxServerState,
    Get-AvailabilityGroup, Get-ProtocolLog, Get-ComponentState, Get-ServiceState, Get-RecoveryAction, Get-Activity, Get-BootTime, Get-ScriptState,
    Test-Shell, Test-Endpoint, Test-Target, Restart-FencedService, Restart-FencedServer, Invoke-FencedScript, Set-ActivationBlock, Set-ProtocolLog, Get-OpenSession, Close-Session
