using System.CommandLine;
using System.CommandLine.Parsing;

namespace FrameFlow.Cli;

/// <summary>What is wrong with a command line, in the user's words: a line a fault, the mend with it.</summary>
internal static class ParseFaults
{
    /// <summary>Every fault; empty where there is none. An empty value is one everywhere: mostly a script's variable that was never set.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        if (parsed.Errors.Count > 0)
        {
            return [.. parsed.Errors.Select(Told)];
        }

        List<string> empty = [];
        for (SymbolResult? command = parsed.CommandResult; command is CommandResult { Children: var given }; command = command.Parent)
        {
            empty.AddRange(given.Where(g => g is not CommandResult && g.Tokens.Any(t => t.Value.Length == 0)).Select(g => $"{NameOf(g)} is given an empty value; give it one, or leave it out."));
        }

        return empty;
    }

    // The parser would name the type of .NET that it wanted.
    private static string Told(ParseError error)
    {
        OptionResult? option = error.SymbolResult as OptionResult ?? error.SymbolResult?.Parent as OptionResult;
        return option is { Tokens: [{ Value: var given }] } && Wanted(option.Option.ValueType) is { } wanted
            ? $"{option.Option.Name} '{given}' is no {wanted}."
            : error.Message.ReplaceLineEndings(" ");
    }

    private static string? Wanted(Type type) => (Nullable.GetUnderlyingType(type) ?? type).Name switch
    {
        nameof(Int32) => "whole number of at most 2147483647",
        nameof(UInt64) => "whole number of 0 or more",
        nameof(Double) or nameof(Decimal) => "number",
        _ => null,
    };

    private static string NameOf(SymbolResult given) => given is OptionResult option ? option.Option.Name : ((ArgumentResult)given).Argument.Name;
}
