using System.Text;

namespace PowerShellEngine;

/// <summary>The part of `pwsh`'s command line that drivers use. Names are taken in any case, as there.</summary>
internal sealed record Arguments(string? Script, string[] ScriptArguments, bool ReadsInput)
{
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
                    return new Arguments(script, [], stays);
                case "-file":
                    var file = Path.GetFullPath(Value()).Replace("'", "''");
                    return new Arguments($"& '{file}' @args", Rest(), stays);
                case "-command" when Rest() is ["-"]:
                    return new Arguments(null, [], true);
                case "-command":
                    return new Arguments(string.Join(' ', Rest()), [], stays);
                default:
                    throw new FormatException($"This engine does not know the argument {given[at]}.");
            }
        }
        return new Arguments(null, [], true);
    }
}
