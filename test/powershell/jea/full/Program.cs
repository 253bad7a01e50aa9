// PowerShell itself, with its console and its modules. JEA needs them: what a session must not reach has to be there to be refused.
return Microsoft.PowerShell.ConsoleShell.Start("", "", args);
