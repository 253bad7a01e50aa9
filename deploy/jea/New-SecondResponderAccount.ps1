<#
.SYNOPSIS
Creates the account of the daemon, a group managed service account (gMSA) whose password nobody knows, and the group that gets its rights.

.DESCRIPTION
Run it as a domain administrator on a machine with the module ActiveDirectory (RSAT-AD-PowerShell), then again on the daemon's host, elevated; first
with -WhatIf. You can run it again: it only changes what is out of date.

It creates or corrects:

    the group      a universal security group. Pass its name to Install-SecondResponderEndpoint.ps1 as -Account and to New-SecondResponderRole.ps1 as -Member.
    the account    with AES for Kerberos and no RC4. Only the daemon's hosts may fetch its password.
    the host       installs the account and tests that the host can fetch the password.

A gMSA requires a KDS root key in the forest. If there is none, the script reports it and stops: the key belongs to the whole forest, and creating it
is the decision of a domain administrator.

To run the daemon under the account, open the console Services, the service that runs node, Log On, "This account": CONTOSO\SecondResponder$, with
both passwords left empty. The console also gives the account the right to log on as a service. The account must be able to read the daemon's folder
and write its state and logs. It requires no right to log on in any other way and no membership in Administrators, anywhere.

A gMSA is not a user to Exchange. Members of a role group are users and universal security groups, so the account gets its access through the group.
Public documentation does not confirm that Exchange accepts this, and some report that it does not. Test it under the account before you rely on it
(docs/exchange.md says how). If it fails, run the daemon under an ordinary service account in the same group: a user with a long random password, the
right "Log on as a service" and nothing else.

.PARAMETER HostName
The computers that run the daemon, or a group of computers. Only they may fetch the password.

.PARAMETER Name
Name of the account, at most 15 characters, without the dollar sign.

.PARAMETER Group
Name of the group that gets the rights.

.PARAMETER DnsHostName
DNS name of the account. Default: its name in the domain.

.PARAMETER Remove
Removes the account from the group, from this host and from the directory. Removes the group too if it has no other members.

.EXAMPLE
.\New-SecondResponderAccount.ps1 -HostName responder1 -WhatIf

.EXAMPLE
.\New-SecondResponderAccount.ps1 -HostName 'Second Responder Hosts'

.OUTPUTS
Each object, and what was changed.
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
$Rows = [ordered] @{}
$Aes = 'AES128', 'AES256'

<# Makes one change and records it. With -WhatIf it only prints and records it. #>
function Invoke-Change {
    param([string] $Target, [string] $Action, [scriptblock] $Do)
    if ($ScriptCmdlet.ShouldProcess($Target, $Action)) { & $Do } elseif (-not $WhatIfPreference) { return }
    Add-Row $Target $Action
}

function Add-Row {
    param([string] $Target, [string] $Action = '')
    if (-not $Rows.Contains($Target)) { $Rows[$Target] = @() }
    if ($Action) { $Rows[$Target] += $Action }
}

# Uses a filter, because a query by identity fails if there is no such object.
function Find-Account {
    $properties = 'PrincipalsAllowedToRetrieveManagedPassword', 'KerberosEncryptionType', 'DNSHostName'
    @(Get-ADServiceAccount -Filter "SamAccountName -eq '$Name$'" -Properties $properties)
}
function Find-Group { @(Get-ADGroup -Filter "Name -eq '$($Group.Replace("'", "''"))'" -Properties GroupScope, GroupCategory) }
function Get-AccountMember { @(Get-ADGroupMember -Identity (Find-Group)[0].DistinguishedName) }

function Assert-Directory {
    if (Get-Command -Name Get-ADServiceAccount -ErrorAction SilentlyContinue) { return }
    throw 'The module ActiveDirectory is not installed: run Install-WindowsFeature RSAT-AD-PowerShell, or run this on a machine that has it.'
}

<# Without a KDS root key, no domain controller can generate the password. #>
function Assert-RootKey {
    $keys = @(Get-KdsRootKey)
    $says = $null
    if ($keys.Count -eq 0) {
        $says = 'There is no KDS root key in this forest, or you cannot see it (only domain administrators can). It is created once for the whole forest, ' +
            'and can be used ten hours later, when every domain controller has it: Add-KdsRootKey -EffectiveImmediately. This script never creates one.'
    } elseif (@($keys | Where-Object { $_.EffectiveTime -le [DateTime]::Now }).Count -eq 0) {
        $when = @($keys | Sort-Object -Property EffectiveTime)[0].EffectiveTime
        $says = "The KDS root key can be used from $when. Run this again then."
    }
    if (-not $says) { return }
    # With -WhatIf, continue and print the rest.
    if ($WhatIfPreference) { Write-Warning $says } else { throw $says }
}

<# A computer or a group of computers in the directory. #>
function Resolve-Host {
    param([string] $Given)
    $quoted = $Given.Replace("'", "''")
    $computer = @(Get-ADComputer -Filter "Name -eq '$($quoted.Split('.')[0].TrimEnd('$'))'")
    if ($computer.Count -eq 1) { return $computer[0] }
    $found = @(Get-ADGroup -Filter "Name -eq '$quoted'")
    if ($found.Count -eq 1) {
        if ("$($found[0].SID)" -match '-(513|515)$') { throw "$Given includes all computers or users. Name the daemon's hosts, or a group that contains only them." }
        return $found[0]
    }
    throw "There is no computer or group ""$Given"" in this domain. Give the name of a computer without its domain, or the name of a group."
}

function Update-Group {
    Add-Row "group $Group"
    $there = @(Find-Group)
    if ($there.Count -eq 0) {
        Invoke-Change "group $Group" 'create, as a universal security group' {
            New-ADGroup -Name $Group -SamAccountName $Group -GroupScope Universal -GroupCategory Security -Description 'Has the rights of the daemon Second Responder. Add no other members.'
        }
    } elseif ("$($there[0].GroupScope)" -ne 'Universal' -or "$($there[0].GroupCategory)" -ne 'Security') {
        throw "The group ""$Group"" exists but is not a universal security group, which Exchange requires: name another one with -Group, or run Set-ADGroup -Identity '$Group' -GroupScope Universal -GroupCategory Security"
    }
}

function Update-Account {
    param([object[]] $Hosts)
    Add-Row "account $Name$"
    $dns = if ($DnsHostName) { $DnsHostName } else { "$Name.$((Get-ADDomain).DNSRoot)".ToLowerInvariant() }
    $allowed = @($Hosts | ForEach-Object { $_.DistinguishedName } | Sort-Object)
    $names = @($Hosts | ForEach-Object { $_.Name }) -join ', '
    if (@(Find-Account).Count -eq 0) {
        Invoke-Change "account $Name$" "create, with a password that only $names can fetch" {
            New-ADServiceAccount -Name $Name -SamAccountName "$Name$" -DNSHostName $dns -PrincipalsAllowedToRetrieveManagedPassword $allowed -KerberosEncryptionType $Aes -Description 'The daemon Second Responder.'
        }
    }
    $account = @(Find-Account)
    if ($account.Count -eq 0) { return }
    $may = @($account[0].PrincipalsAllowedToRetrieveManagedPassword | Sort-Object)
    if (($may -join '|') -ne ($allowed -join '|')) {
        Invoke-Change "account $Name$" "let only $names fetch the password" { Set-ADServiceAccount -Identity "$Name$" -PrincipalsAllowedToRetrieveManagedPassword $allowed }
    }
    # Checked after creating it too, because some versions ignore the requested types.
    $types = "$($account[0].KerberosEncryptionType)"
    if ($types -notmatch 'AES128' -or $types -notmatch 'AES256' -or $types -match 'RC4|DES') {
        Invoke-Change "account $Name$" 'use only AES for Kerberos' { Set-ADServiceAccount -Identity "$Name$" -KerberosEncryptionType $Aes }
    }
}

function Update-Membership {
    $there = @(if (@(Find-Group).Count -gt 0) { Get-AccountMember } )
    if (@($there | Where-Object { $_.SamAccountName -eq "$Name$" }).Count -eq 0) {
        Invoke-Change "group $Group" "add $Name$" { Add-ADGroupMember -Identity (Find-Group)[0].DistinguishedName -Members @(Find-Account)[0].DistinguishedName }
    }
    $others = @($there | Where-Object { $_.SamAccountName -ne "$Name$" } | ForEach-Object { $_.SamAccountName })
    if ($others.Count -gt 0) { Write-Warning "The group ""$Group"" has other members, which get the same rights: $($others -join ', ')" }
}

<# Installs the account on this machine, if it is a host of the daemon. #>
function Update-ThisHost {
    param([object[]] $Hosts)
    $here = $env:COMPUTERNAME
    if (@($Hosts | Where-Object { $_.Name -eq $here }).Count -eq 0) {
        Write-Warning "Now run this on each host of the daemon, elevated, with the same -HostName, to install the account there. Restart a computer first if it was just added to a group."
        return
    }
    if (-not (Test-Elevated)) { throw "Installing the account on $here requires an administrator: start Windows PowerShell with ""Run as administrator""." }
    Add-Row "host $here"
    if (@(Find-Account).Count -gt 0 -and (Test-ADServiceAccount -Identity "$Name$" -WarningAction SilentlyContinue)) { return }
    Invoke-Change "host $here" "install $Name$" {
        Install-ADServiceAccount -Identity "$Name$"
        if (-not (Test-ADServiceAccount -Identity "$Name$")) {
            throw "$here can't fetch the password of $Name$. If it is allowed through a group, restart $here so that its membership takes effect. Otherwise wait until the domain controllers have replicated, and run this again."
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
        if ($others.Count -gt 0) { Write-Warning "The group ""$Group"" stays, because it has other members: $(@($others | ForEach-Object { $_.SamAccountName }) -join ', ')" }
        else { Invoke-Change "group $Group" 'remove' { Remove-ADGroup -Identity $found[0].DistinguishedName -Confirm:$false } }
    }
    $account = @(Find-Account)
    if ($account.Count -eq 0) { return }
    if (Test-ADServiceAccount -Identity "$Name$" -WarningAction SilentlyContinue) {
        if (-not (Test-Elevated)) { throw "The account is installed on $env:COMPUTERNAME; removing it requires an administrator: start Windows PowerShell with ""Run as administrator""." }
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

foreach ($what in $Rows.Keys) {
    $state = if ($Rows[$what].Count -eq 0) { 'unchanged' } elseif ($WhatIfPreference) { 'would be changed' } else { 'changed' }
    [pscustomobject] @{ What = $what; State = $state; Done = $Rows[$what] -join '; ' }
}
if (-not $Remove) {
    Write-Host "Grant the rights: .\Install-SecondResponderEndpoint.ps1 -Account '$((Get-ADDomain).NetBIOSName)\$Group' and .\New-SecondResponderRole.ps1 -Member '$Group'."
    Write-Host "Set the account of the daemon's service in the console Services: Log On, This account, $((Get-ADDomain).NetBIOSName)\$Name$, and both passwords left empty."
}
