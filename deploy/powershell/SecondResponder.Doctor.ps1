# Doctor: the checks of "second-responder doctor". Part of SecondResponder.psm1.

function Test-Shell {
    <#
    .SYNOPSIS
    Describes this PowerShell and the account that it uses on the servers.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection)
    Start-Call $Connection
    $windows = [string] [Environment]::OSVersion.Platform -eq 'Win32NT'
    $row = @{
        version   = $PSVersionTable.PSVersion.ToString()
        edition   = [string] $PSVersionTable.PSEdition
        windows   = $windows
        machine   = [Net.Dns]::GetHostName()
        utcOffset = [long] [TimeZoneInfo]::Local.GetUtcOffset([DateTime]::UtcNow).TotalMilliseconds
        now       = Get-OwnTime
    }
    try {
        $row.account = if ($Connection.credentialFile) {
            [string] (Import-Clixml -LiteralPath $Connection.credentialFile).UserName
        } elseif ($windows) {
            [Security.Principal.WindowsIdentity]::GetCurrent().Name
        } else {
            [Environment]::UserName
        }
    } catch {
        $row.credentialTrouble = [string] $_
    }
    $row
}

function Test-Endpoint {
    <#
    .SYNOPSIS
    Opens a session with the connection's one endpoint and closes it. Returns how long opening took, and which commands are missing: Exchange
    offers an account only the commands that it may use.

    .PARAMETER Commands
    The commands that the daemon uses.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string[]] $Commands)
    Start-Call $Connection
    $began = $Watch.ElapsedMilliseconds
    Use-OwnSession exchange $Connection {
        param($opened)
        $row = @{ openedAfter = $Watch.ElapsedMilliseconds - $began; missing = @(Get-Missing $opened $Commands) }
        if ($row.missing -notcontains 'Get-ExchangeServer') {
            # The session opened; this shows that it also answers.
            try {
                $null = Invoke-In $opened Get-ExchangeServer (Get-Known @{ Identity = Get-HostOf $opened.to })
            } catch {
                # The endpoint's name may differ from the server's name in the organisation.
                if ((Get-FailureCode (Get-Cause $_)) -ne 'notFound') { throw }
            }
        }
        $row
    }
}

function Test-Target {
    <#
    .SYNOPSIS
    Opens a session with Windows on a server and closes it. Returns how long opening took, which functions are missing, and how many milliseconds
    the server's clock is ahead of this machine's, with the uncertainty of that.

    .PARAMETER Functions
    The functions that the daemon calls there.
    #>
    [CmdletBinding()]
    param([hashtable] $Connection, [string[]] $Functions)
    Start-Call $Connection
    $began = $Watch.ElapsedMilliseconds
    Use-OwnSession target $Connection {
        param($opened)
        $row = @{ openedAfter = $Watch.ElapsedMilliseconds - $began; missing = @(Get-Missing $opened $Functions) }
        if ($row.missing -notcontains 'Get-TargetClock') {
            # The first call of a session is slow, so the clock is taken from the second.
            $null = Invoke-In $opened Get-TargetClock @{}
            $before = Get-OwnTime
            $theirs = (Invoke-In $opened Get-TargetClock @{}).now
            $after = Get-OwnTime
            $row.ahead = $theirs - ($before + $after) / 2
            $row.within = ($after - $before) / 2
        }
        $row
    }
}

# Those of the named commands that a session does not offer.
function Get-Missing {
    param($Opened, [string[]] $Names)
    $offered = @(Invoke-In $Opened Get-Command @{ Name = $Names; ErrorAction = 'SilentlyContinue' } | ForEach-Object { $_.Name })
    $Names | Where-Object { $offered -notcontains $_ }
}
