using System.Collections;
using System.Globalization;
using System.Management.Automation;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace PowerShellEngine;

/// <summary>
/// As PowerShell 7 does it, with the same library: enums as numbers, dates in ISO, what lies deeper than Depth as text and a warning.
/// </summary>
[Cmdlet(VerbsData.ConvertTo, "Json")]
public sealed class ConvertToJson : PSCmdlet
{
    private readonly List<object?> inputs = [];
    private bool truncated;

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowNull]
    public object? InputObject { get; set; }

    [Parameter]
    [ValidateRange(0, 100)]
    public int Depth { get; set; } = 2;

    [Parameter]
    public SwitchParameter Compress { get; set; }

    protected override void ProcessRecord() => inputs.Add(InputObject);

    protected override void EndProcessing()
    {
        var value = Plain(inputs.Count == 1 ? inputs[0] : inputs, 0);
        if (truncated)
        {
            WriteWarning($"Resulting JSON is truncated as serialization has exceeded the set depth of {Depth}.");
        }
        WriteObject(JsonConvert.SerializeObject(value, Compress ? Formatting.None : Formatting.Indented));
    }

    private object? Plain(object? given, int depth)
    {
        var wrapped = given as PSObject;
        var bare = wrapped is null ? given : wrapped.BaseObject;
        switch (bare)
        {
            case null or DBNull:
                return null;
            case string or char or bool or DateTime or DateTimeOffset or Guid or Uri or decimal or double or float:
                return bare;
            case Enum member:
                return Convert.ToInt64(member, CultureInfo.InvariantCulture);
        }
        if (bare.GetType().IsPrimitive) return bare;
        if (depth > Depth)
        {
            truncated = true;
            return LanguagePrimitives.ConvertTo<string>(given);
        }
        if (bare is IDictionary dictionary)
        {
            var entries = new Dictionary<string, object?>();
            foreach (DictionaryEntry entry in dictionary) entries[$"{entry.Key}"] = Plain(entry.Value, depth + 1);
            return entries;
        }
        if (bare is IEnumerable many) return many.Cast<object?>().Select(each => Plain(each, depth + 1)).ToList();
        var properties = new Dictionary<string, object?>();
        foreach (var property in PSObject.AsPSObject(given!).Properties)
        {
            properties[property.Name] = Plain(ValueOf(property), depth + 1);
        }
        return properties;
    }

    private static object? ValueOf(PSPropertyInfo property)
    {
        try
        {
            return property.Value;
        }
        catch (GetValueException)
        {
            return null;
        }
    }
}

/// <summary>As PowerShell 7 does it, with the same library: text that looks like a date becomes one.</summary>
[Cmdlet(VerbsData.ConvertFrom, "Json")]
public sealed class ConvertFromJson : PSCmdlet
{
    private readonly List<string> lines = [];

    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowEmptyString]
    public string InputObject { get; set; } = "";

    protected override void ProcessRecord() => lines.Add(InputObject);

    protected override void EndProcessing()
    {
        try
        {
            var settings = new JsonSerializerSettings { MaxDepth = 1024 };
            WriteObject(Bare(JsonConvert.DeserializeObject<JToken>(string.Join('\n', lines), settings)));
        }
        catch (JsonException error)
        {
            ThrowTerminatingError(
                new ErrorRecord(new ArgumentException($"Conversion from JSON failed with error: {error.Message}"),
                    "System.ArgumentException", ErrorCategory.NotSpecified, null));
        }
    }

    private static object? Bare(JToken? token)
    {
        switch (token)
        {
            case JObject record:
                var made = new PSObject();
                foreach (var property in record.Properties())
                {
                    made.Properties.Add(new PSNoteProperty(property.Name, Bare(property.Value)));
                }
                return made;
            case JArray list:
                return list.Select(Bare).ToArray();
            default:
                return (token as JValue)?.Value;
        }
    }
}
