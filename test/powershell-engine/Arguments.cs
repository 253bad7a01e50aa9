using System.Management.Automation.Language;
using System.Text;
using System.Text.RegularExpressions;

namespace PowerShellEngine;

/// <summary>The part of `pwsh`'s command line that drivers use. Names are taken in any case, as there.</summary>
internal sealed record Arguments(string? Script, bool ReadsInput)
{
    /// <summary>`exit` in a file ends the file; with -File its code is the program's.</summary>
    private const string ExitAsTheFile = "if (-not $?) { exit $(if ($LASTEXITCODE) { $LASTEXITCODE } else { 1 }) }";

    /// <summary>Throws FormatException, in words, for what it does not know.</summary>
    public static Arguments Read(string[] given)
    {
        var stays = false;
        for (var at = 0; at < given.Length; at++)
        {
            string[] Rest() => given[(at + 1)..];
            string Value() => at + 1 < given.Length ? given[++at] : throw new FormatException($"{given[at]} wants a value.");
            switch (given[at].ToLowerInvariant())
            {
                case "-nologo" or "-noprofile" or "-noninteractive":
                    break;
                case "-noexit":
                    stays = true;
                    break;
                case "-executionpolicy" or "-inputformat" or "-outputformat":
                    Value();
                    break;
                case "-encodedcommand":
                    var script = Encoding.Unicode.GetString(Convert.FromBase64String(Value()));
                    return new Arguments(script, stays);
                case "-file":
                    var file = Quoted(Path.GetFullPath(Value()));
                    return new Arguments($"& {file} {string.Join(' ', Rest().Select(Named))}\n{ExitAsTheFile}", stays);
                case "-command" when Rest() is ["-"]:
                    return new Arguments(null, true);
                case "-command":
                    return new Arguments(string.Join(' ', Rest()), stays);
                default:
                    throw new FormatException($"This engine does not know the argument {given[at]}.");
            }
        }
        return new Arguments(null, true);
    }

    /// <summary>What looks like a parameter's name is one; everything else is a value, whatever is in it.</summary>
    private static string Named(string given) => Regex.IsMatch(given, @"\A-[A-Za-z]\w*\z") ? given : Quoted(given);

    private static string Quoted(string given) => $"'{CodeGeneration.EscapeSingleQuotedStringContent(given)}'";
}
