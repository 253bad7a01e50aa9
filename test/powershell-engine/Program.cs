using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PowerShellEngine;

/// <summary>What `pwsh` does with a command line, on the real engine.</summary>
internal static class Program
{
    private static int Main(string[] given)
    {
        Arguments arguments;
        try
        {
            arguments = Arguments.Read(given);
        }
        catch (FormatException error)
        {
            Console.Error.WriteLine(error.Message);
            return 64;
        }

        var host = new EngineHost();
        using var runspace = RunspaceFactory.CreateRunspace(host, StartState());
        // As `pwsh` does; otherwise every line has a thread made for it.
        runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        Runspace.DefaultRunspace = runspace;
        runspace.Open();
        // Windows locks an engine down when a policy asks for it; with this variable it does so for a trial.
        if (Environment.GetEnvironmentVariable("__PSLockdownPolicy") == "4")
        {
            runspace.SessionStateProxy.LanguageMode = PSLanguageMode.ConstrainedLanguage;
        }

        var session = new Session(runspace, host);
        if (arguments.Script is { } script) session.Run(script);
        if (arguments.ReadsInput && host.ExitCode is null) session.RunInput(Console.In);
        return host.ExitCode ?? (session.Failed ? 1 : 0);
    }

    private static InitialSessionState StartState()
    {
        var state = InitialSessionState.CreateDefault2();
        foreach (var type in typeof(Program).Assembly.GetTypes())
        {
            if (Attribute.GetCustomAttribute(type, typeof(CmdletAttribute)) is CmdletAttribute name)
            {
                state.Commands.Add(new SessionStateCmdletEntry($"{name.VerbName}-{name.NounName}", type, null));
            }
        }
        return state;
    }
}
