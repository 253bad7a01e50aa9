<#
.SYNOPSIS
Makes the account that the daemon runs as: a group managed service account (gMSA), whose password nobody knows, and the group that gets its rights.

.DESCRIPTION
Run it as a domain administrator, where the module ActiveDirectory is (RSAT-AD-PowerShell), and then once more on the daemon's host, elevated; with
-WhatIf first. It may be run again: what is as wanted is left alone.

It makes, or corrects:

    the group      universal, for security. Give its name to Install-SecondResponderEndpoint.ps1 as -Account, and to New-SecondResponderRole.ps1 as -Member.
    the account    with AES for Kerberos and no RC4. Only the daemon's hosts may fetch its password.
    on the host    installs the account and tests that the host can fetch the password.

A gMSA needs a KDS root key in the forest. Where there is none the script says so and stops: that key is the forest's, and making it is a domain
administrator's own decision.

Running the daemon under the account: in the console Services, the service that runs node, Log On, "This account": CONTOSO\SecondResponder$, with
both passwords left empty. The console gives the account the right to log on as a service as well. It must be able to read the
daemon's folder and to write to its state and logs; it needs no right to log on in any other way, and is no member of Administrators, anywhere.

Exchange knows no gMSA as a user. Members of a role group are users and universal security groups, so it gets in by the group, if Exchange lets it
in at all: not confirmed by public documentation, and some report that it does not. Try it, as the account, before relying on it (docs/exchange.md says how).
If it does not, run the daemon as an ordinary service account in the same group: a user with a long random password, "Log on as a service" and nothing else.

.PARAMETER HostName
The computers on which the daemon runs, or one group of computers. Only they may fetch the password.

.PARAMETER Name
The account's name, at most 15 characters, without the dollar sign.

.PARAMETER Group
The group that gets the rights.

.PARAMETER DnsHostName
The account's DNS name. By default its name in the domain.

.PARAMETER Remove
Takes the account away: from the group, from this host, and from the directory. The group goes too when nobody else is in it.

.EXAMPLE
.\New-SecondResponderAccount.ps1 -HostName responder1 -WhatIf

.EXAMPLE
.\New-SecondResponderAccount.ps1 -HostName 'Second Responder Hosts'

.OUTPUTS
What is there now, and what was done to it.
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Make')]
param(
    [Parameter(ParameterSetName = 'Make', Mandatory = $true)] [string[]] $HostName,
    [ValidatePattern('\A[A-Za-z0-9][A-Za-z0-9-]{0,14}\z')] [string] $Name = 'SecondResponder',
    [string] $Group = 'Second Responder Daemon',
    [Parameter(ParameterSetName = 'Make')] [string] $DnsHostName = '',
    [Parameter(ParameterSetName = 'Remove', Mandatory = $true)] [switch] $Remove
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/SecondResponder.Windows.psm1"

$ScriptCmdlet = $PSCmdlet
$Made = [ordered] @{}
$Aes = 'AES128', 'AES256'

<# Does one thing and remembers it. In a rehearsal (-WhatIf) it only says so. #>
function Invoke-Change {
    param([string] $Target, [string] $Action, [scriptblock] $Do)
    if ($ScriptCmdlet.ShouldProcess($Target, $Action)) { & $Do } elseif (-not $WhatIfPreference) { return }
    Add-Row $Target $Action
}

function Add-Row {
    param([string] $Target, [string] $Action = '')
    if (-not $Made.Contains($Target)) { $Made[$Target] = @() }
    if ($Action) { $Made[$Target] += $Action }
}

# By a filter, as asking for one by its identity fails where there is none.
function Find-Account {
    $properties = 'PrincipalsAllowedToRetrieveManagedPassword', 'KerberosEncryptionType', 'DNSHostName'
    @(Get-ADServiceAccount -Filter "SamAccountName -eq '$Name$'" -Properties $properties)
}
function Find-Group { @(Get-ADGroup -Filter "Name -eq '$($Group.Replace("'", "''"))'" -Properties GroupScope, GroupCategory) }
function Get-AccountMember { @(Get-ADGroupMember -Identity (Find-Group)[0].DistinguishedName) }

function Assert-Directory {
    if (Get-Command -Name Get-ADServiceAccount -ErrorAction SilentlyContinue) { return }
    throw 'The module ActiveDirectory is not here: Install-WindowsFeature RSAT-AD-PowerShell, or run this where it is.'
}

<# Without a KDS root key no domain controller can make up the password. #>
function Assert-RootKey {
    $keys = @(Get-KdsRootKey)
    $says = $null
    if ($keys.Count -eq 0) {
        $says = 'There is no KDS root key in this forest, or you may not see it (be a domain administrator). It is made once for the whole forest, ' +
            'and can be used ten hours later, when every domain controller has it: Add-KdsRootKey -EffectiveImmediately. This script never makes one.'
    } elseif (@($keys | Where-Object { $_.EffectiveTime -le [DateTime]::Now }).Count -eq 0) {
        $when = @($keys | Sort-Object -Property EffectiveTime)[0].EffectiveTime
        $says = "The KDS root key can be used from $when on. Run this again then."
    }
    if (-not $says) { return }
    # A rehearsal goes on, to say the rest.
    if ($WhatIfPreference) { Write-Warning $says } else { throw $says }
}

<# Computers, or one group of them, as the directory knows them. #>
function Resolve-Host {
    param([string] $Given)
    $quoted = $Given.Replace("'", "''")
    $computer = @(Get-ADComputer -Filter "Name -eq '$($quoted.Split('.')[0].TrimEnd('$'))'")
    if ($computer.Count -eq 1) { return $computer[0] }
    $found = @(Get-ADGroup -Filter "Name -eq '$quoted'")
    if ($found.Count -eq 1) {
        if ("$($found[0].SID)" -match '-(513|515)$') { throw "$Given is everybody. Name the daemon's hosts, or a group of them and nothing else." }
        return $found[0]
    }
    throw "There is no computer and no group ""$Given"" in this domain. Name a computer without its domain, or a group by its name."
}

function Update-Group {
    Add-Row "group $Group"
    $there = @(Find-Group)
    if ($there.Count -eq 0) {
        Invoke-Change "group $Group" 'create, universal, for security' {
            New-ADGroup -Name $Group -SamAccountName $Group -GroupScope Universal -GroupCategory Security -Description 'Gets the rights of the daemon Second Responder. Nobody else belongs here.'
        }
    } elseif ("$($there[0].GroupScope)" -ne 'Universal' -or "$($there[0].GroupCategory)" -ne 'Security') {
        throw "The group ""$Group"" is there and not a universal security group, which Exchange wants: name another with -Group, or Set-ADGroup -Identity '$Group' -GroupScope Universal -GroupCategory Security"
    }
}

function Update-Account {
    param([object[]] $Hosts)
    Add-Row "account $Name$"
    $dns = if ($DnsHostName) { $DnsHostName } else { "$Name.$((Get-ADDomain).DNSRoot)".ToLowerInvariant() }
    $allowed = @($Hosts | ForEach-Object { $_.DistinguishedName } | Sort-Object)
    $names = @($Hosts | ForEach-Object { $_.Name }) -join ', '
    if (@(Find-Account).Count -eq 0) {
        Invoke-Change "account $Name$" "create, with a password that only $names may fetch" {
            New-ADServiceAccount -Name $Name -SamAccountName "$Name$" -DNSHostName $dns -PrincipalsAllowedToRetrieveManagedPassword $allowed -KerberosEncryptionType $Aes -Description 'The daemon Second Responder.'
        }
    }
    $account = @(Find-Account)
    if ($account.Count -eq 0) { return }
    $may = @($account[0].PrincipalsAllowedToRetrieveManagedPassword | Sort-Object)
    if (($may -join '|') -ne ($allowed -join '|')) {
        Invoke-Change "account $Name$" "let only $names fetch the password" { Set-ADServiceAccount -Identity "$Name$" -PrincipalsAllowedToRetrieveManagedPassword $allowed }
    }
    # Looked at after making it as well: some versions do not heed what is asked for there.
    $types = "$($account[0].KerberosEncryptionType)"
    if ($types -notmatch 'AES128' -or $types -notmatch 'AES256' -or $types -match 'RC4|DES') {
        Invoke-Change "account $Name$" 'AES for Kerberos, and nothing older' { Set-ADServiceAccount -Identity "$Name$" -KerberosEncryptionType $Aes }
    }
}

function Update-Membership {
    $there = @(if (@(Find-Group).Count -gt 0) { Get-AccountMember } )
    if (@($there | Where-Object { $_.SamAccountName -eq "$Name$" }).Count -eq 0) {
        Invoke-Change "group $Group" "add $Name$" { Add-ADGroupMember -Identity (Find-Group)[0].DistinguishedName -Members @(Find-Account)[0].DistinguishedName }
    }
    $others = @($there | Where-Object { $_.SamAccountName -ne "$Name$" } | ForEach-Object { $_.SamAccountName })
    if ($others.Count -gt 0) { Write-Warning "Others are in the group ""$Group"" too, and get the same rights: $($others -join ', ')" }
}

<# The part that is the host's. #>
function Update-ThisHost {
    param([object[]] $Hosts)
    $here = $env:COMPUTERNAME
    if (@($Hosts | Where-Object { $_.Name -eq $here }).Count -eq 0) {
        Write-Warning "Now run this on each host of the daemon, elevated, with -HostName as here: it installs the account there. A computer that was put into a group just now has to be restarted first."
        return
    }
    if (-not (Test-Elevated)) { throw "Installing the account on $here wants an administrator: start Windows PowerShell with ""Run as administrator""." }
    Add-Row "host $here"
    if (@(Find-Account).Count -gt 0 -and (Test-ADServiceAccount -Identity "$Name$" -WarningAction SilentlyContinue)) { return }
    Invoke-Change "host $here" "install $Name$" {
        Install-ADServiceAccount -Identity "$Name$"
        if (-not (Test-ADServiceAccount -Identity "$Name$")) {
            throw "$here can't fetch the password of $Name$. If it is allowed by a group: restart $here, so that it knows of its membership. Otherwise wait until the domain controllers have agreed, and run this again."
        }
    }
}

function Remove-Account {
    $found = @(Find-Group)
    $there = @(if ($found.Count -gt 0) { Get-AccountMember })
    if (@($there | Where-Object { $_.SamAccountName -eq "$Name$" }).Count -gt 0) {
        Invoke-Change "group $Group" "remove $Name$" { Remove-ADGroupMember -Identity $found[0].DistinguishedName -Members @(Find-Account)[0].DistinguishedName -Confirm:$false }
    }
    if ($found.Count -gt 0) {
        $others = @($there | Where-Object { $_.SamAccountName -ne "$Name$" })
        if ($others.Count -gt 0) { Write-Warning "The group ""$Group"" stays, as others are in it: $(@($others | ForEach-Object { $_.SamAccountName }) -join ', ')" }
        else { Invoke-Change "group $Group" 'remove' { Remove-ADGroup -Identity $found[0].DistinguishedName -Confirm:$false } }
    }
    $account = @(Find-Account)
    if ($account.Count -eq 0) { return }
    if (Test-ADServiceAccount -Identity "$Name$" -WarningAction SilentlyContinue) {
        if (-not (Test-Elevated)) { throw "The account is installed on $env:COMPUTERNAME; taking it away wants an administrator: start Windows PowerShell with ""Run as administrator""." }
        Invoke-Change "host $env:COMPUTERNAME" "uninstall $Name$" { Uninstall-ADServiceAccount -Identity "$Name$" -Confirm:$false }
    }
    Invoke-Change "account $Name$" 'remove' { Remove-ADServiceAccount -Identity "$Name$" -Confirm:$false }
}

Assert-Directory
if ($Remove) {
    Remove-Account
} else {
    Assert-RootKey
    $hosts = @($HostName | ForEach-Object { Resolve-Host $_ })
    Update-Group
    Update-Account $hosts
    Update-Membership
    Update-ThisHost $hosts
}

foreach ($what in $Made.Keys) {
    $state = if ($Made[$what].Count -eq 0) { 'as it was' } elseif ($WhatIfPreference) { 'would be changed' } else { 'changed' }
    [pscustomobject] @{ What = $what; State = $state; Done = $Made[$what] -join '; ' }
}
if (-not $Remove) {
    Write-Host "Rights: .\Install-SecondResponderEndpoint.ps1 -Account '$((Get-ADDomain).NetBIOSName)\$Group', and .\New-SecondResponderRole.ps1 -Member '$Group'."
    Write-Host "The daemon's service, in the console Services: Log On, This account, $((Get-ADDomain).NetBIOSName)\$Name$, and both passwords left empty."
}
