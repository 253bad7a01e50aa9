# The module SecondResponder on an Exchange server. Install-SecondResponderEndpoint.ps1 assembles it there in
# %ProgramFiles%\WindowsPowerShell\Modules\SecondResponder; in deploy, the functions are in another folder (deploy/powershell).
@{
    ModuleVersion     = '0.1.0'
    GUID              = '9f6d8a1e-52c7-4c0e-8f4b-3b1a6c2d7e90'
    Author            = 'Second Responder'
    Description       = 'Functions of Second Responder on an Exchange server: read services and boot time, restart services and the server, and run scripts of the administrator.'
    PowerShellVersion = '5.1'
    RootModule        = 'SecondResponder.Target.psm1'
    FunctionsToExport = @(
        'Get-TargetClock'
        'Get-TargetBoot'
        'Get-TargetService'
        'Get-TargetActivity'
        'Get-TargetRecoveryAction'
        'Get-TargetComponent'
        'Get-TargetScript'
        'Restart-TargetService'
        'Restart-TargetComputer'
        'Invoke-TargetScript'
    )
    CmdletsToExport   = @()
    VariablesToExport = @()
    AliasesToExport   = @()
}
