using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Text;

namespace PowerShellEngine;

/// <summary>Runs scripts one after another, each to its end, with what they put out written by Out-Default.</summary>
internal sealed class Session(Runspace runspace, EngineHost host)
{
    /// <summary>The last script ended with an error.</summary>
    public bool Failed { get; private set; }

    public void Run(string script)
    {
        using var pipeline = runspace.CreatePipeline();
        pipeline.Commands.Add(new Command(script, isScript: true, useLocalScope: false));
        var print = new Command("Out-Default");
        // Errors go the same way as the rest, and Out-Default tells them apart.
        print.MergeUnclaimedPreviousCommandResults = PipelineResultTypes.Error | PipelineResultTypes.Output;
        pipeline.Commands.Add(print);
        try
        {
            pipeline.Invoke();
            Failed = pipeline.HadErrors;
        }
        catch (RuntimeException error)
        {
            Failed = true;
            if (host.ExitCode is null) host.UI.WriteErrorLine(Describe(error.ErrorRecord));
        }
    }

    /// <summary>
    /// Line by line. What a line leaves open is gathered until an empty line, and then run, as `pwsh -Command -` does. The reader
    /// is shared with what runs: a script may read the lines that follow it.
    /// </summary>
    public void RunInput(TextReader input)
    {
        var open = new StringBuilder();
        while (host.ExitCode is null && input.ReadLine() is { } line)
        {
            if (open.Length == 0 && !IsOpen(line))
            {
                Run(line);
                continue;
            }
            open.Append(line).Append('\n');
            if (line.Trim().Length > 0) continue;
            var block = open.ToString();
            open.Clear();
            Run(block);
        }
    }

    private static bool IsOpen(string line)
    {
        Parser.ParseInput(line, out _, out var errors);
        return errors.Any(error => error.IncompleteInput);
    }

    private static string Describe(ErrorRecord error) =>
        $"{error.InvocationInfo?.MyCommand?.Name}: {error}{error.InvocationInfo?.PositionMessage.Insert(0, "\n")}";
}
