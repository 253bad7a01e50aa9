using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace PowerShellEngine;

/// <summary>A host without a person at it: what it is told goes to stdout, errors go to stderr, questions are refused.</summary>
internal sealed class EngineHost : PSHost
{
    /// <summary>Set by `exit`.</summary>
    public int? ExitCode { get; private set; }

    public override string Name => "ConsoleHost";
    public override Version Version => new(7, 6, 9);
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;
    public override PSHostUserInterface UI { get; } = new EngineInterface();
    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;
    public override void EnterNestedPrompt() => throw new NotSupportedException("There is no prompt.");
    public override void ExitNestedPrompt() => throw new NotSupportedException("There is no prompt.");
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
}

internal sealed class EngineInterface : PSHostUserInterface
{
    private static PSInvalidOperationException NobodyThere() =>
        new("PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.");

    public override PSHostRawUserInterface RawUI { get; } = new EngineScreen();
    public override bool SupportsVirtualTerminal => false;

    public override void Write(string value) => Console.Out.Write(value);
    public override void Write(ConsoleColor foreground, ConsoleColor background, string value) => Write(value);
    public override void WriteLine(string value) => Console.Out.WriteLine(value);
    public override void WriteErrorLine(string value) => Console.Error.WriteLine(value);
    public override void WriteDebugLine(string message) => WriteLine($"DEBUG: {message}");
    public override void WriteVerboseLine(string message) => WriteLine($"VERBOSE: {message}");
    public override void WriteWarningLine(string message) => WriteLine($"WARNING: {message}");
    public override void WriteInformation(InformationRecord record) { }
    public override void WriteProgress(long sourceId, ProgressRecord record) { }

    public override string ReadLine() => throw NobodyThere();
    public override SecureString ReadLineAsSecureString() => throw NobodyThere();

    public override Dictionary<string, PSObject> Prompt(
        string caption, string message, System.Collections.ObjectModel.Collection<FieldDescription> descriptions) =>
        throw NobodyThere();

    public override int PromptForChoice(
        string caption, string message, System.Collections.ObjectModel.Collection<ChoiceDescription> choices, int preferred) =>
        throw NobodyThere();

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw NobodyThere();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName,
        PSCredentialTypes types, PSCredentialUIOptions options) =>
        throw NobodyThere();
}

/// <summary>No screen: only a width, which formatting asks for.</summary>
internal sealed class EngineScreen : PSHostRawUserInterface
{
    public override Size BufferSize { get; set; } = new(120, 50);
    public override Size WindowSize { get; set; } = new(120, 50);
    public override Size MaxWindowSize => WindowSize;
    public override Size MaxPhysicalWindowSize => WindowSize;
    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
    public override Coordinates CursorPosition { get; set; }
    public override Coordinates WindowPosition { get; set; }
    public override int CursorSize { get; set; } = 25;
    public override string WindowTitle { get; set; } = "";
    public override bool KeyAvailable => false;
    public override void FlushInputBuffer() { }
    public override KeyInfo ReadKey(ReadKeyOptions options) => throw new NotSupportedException("There is no keyboard.");
    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new NotSupportedException("There is no screen.");
    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }
}
