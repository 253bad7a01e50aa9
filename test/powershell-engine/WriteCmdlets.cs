using System.Management.Automation;

namespace PowerShellEngine;

// The package has the engine and not the cmdlets of Microsoft.PowerShell.Utility. These are the ones that are used, as far as
// they are used.

[Cmdlet(VerbsCommunications.Write, "Output")]
public sealed class WriteOutput : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    [AllowNull, AllowEmptyCollection]
    public PSObject? InputObject { get; set; }

    [Parameter]
    public SwitchParameter NoEnumerate { get; set; }

    protected override void ProcessRecord() => WriteObject(InputObject, !NoEnumerate);
}

/// <summary>A cmdlet that sends a message to a stream of its own.</summary>
public abstract class WriteMessage : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string Message { get; set; } = "";
}

[Cmdlet(VerbsCommunications.Write, "Warning")]
public sealed class WriteWarningCmdlet : WriteMessage
{
    protected override void ProcessRecord() => WriteWarning(Message);
}

[Cmdlet(VerbsCommunications.Write, "Verbose")]
public sealed class WriteVerboseCmdlet : WriteMessage
{
    protected override void ProcessRecord() => WriteVerbose(Message);
}

[Cmdlet(VerbsCommunications.Write, "Debug")]
public sealed class WriteDebugCmdlet : WriteMessage
{
    protected override void ProcessRecord() => WriteDebug(Message);
}

[Cmdlet(VerbsCommunications.Write, "Information")]
public sealed class WriteInformationCmdlet : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    public object MessageData { get; set; } = "";

    protected override void ProcessRecord() => WriteInformation(MessageData, []);
}

[Cmdlet(VerbsCommunications.Write, "Host")]
public sealed class WriteHostCmdlet : PSCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromRemainingArguments = true)]
    public object Object { get; set; } = "";

    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    protected override void ProcessRecord()
    {
        var text = LanguagePrimitives.ConvertTo<string>(Object);
        WriteInformation(new HostInformationMessage { Message = text, NoNewLine = NoNewline }, ["PSHOST"]);
    }
}

[Cmdlet(VerbsCommunications.Write, "Progress")]
public sealed class WriteProgressCmdlet : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true)]
    public string Activity { get; set; } = "";

    [Parameter(Position = 1)]
    public string Status { get; set; } = "Processing";

    protected override void ProcessRecord() => WriteProgress(new ProgressRecord(0, Activity, Status));
}

[Cmdlet(VerbsCommunications.Write, "Error", DefaultParameterSetName = "Message")]
public sealed class WriteErrorCmdlet : PSCmdlet
{
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ParameterSetName = "Message")]
    [AllowEmptyString]
    public string Message { get; set; } = "";

    [Parameter(ParameterSetName = "Message")]
    public string ErrorId { get; set; } = "Microsoft.PowerShell.Commands.WriteErrorException";

    [Parameter(ParameterSetName = "Message")]
    public ErrorCategory Category { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "Record")]
    public ErrorRecord? ErrorRecord { get; set; }

    protected override void ProcessRecord() =>
        WriteError(ErrorRecord ?? new ErrorRecord(new RuntimeException(Message), ErrorId, Category, null));
}

[Cmdlet(VerbsLifecycle.Start, "Sleep", DefaultParameterSetName = "Seconds")]
public sealed class StartSleep : PSCmdlet, IDisposable
{
    private readonly ManualResetEventSlim stopped = new();

    [Parameter(Position = 0, Mandatory = true, ParameterSetName = "Seconds")]
    public double Seconds { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = "Milliseconds")]
    public int Milliseconds { get; set; }

    protected override void ProcessRecord() => stopped.Wait(TimeSpan.FromMilliseconds(Milliseconds + Seconds * 1000));

    protected override void StopProcessing() => stopped.Set();

    public void Dispose() => stopped.Dispose();
}
