using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;

namespace FrameFlow.Cli;

/// <summary>What is wrong with a command line, in the user's words: a line a fault, the mend with it.</summary>
internal static class ParseFaults
{
    /// <summary>Every fault; empty where there is none. An empty value is one everywhere: mostly a script's variable that was never set.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        // What the parser takes for an argument too many, or for the film, and what follows it, hangs on one slip.
        if (Stray(parsed) is { } stray)
        {
            return [stray];
        }

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

    private static string? Stray(ParseResult parsed)
    {
        bool isRoot = parsed.CommandResult.Parent is null;
        string help = isRoot ? "frameflow --help" : $"frameflow {parsed.CommandResult.Command.Name} --help";
        IEnumerable<string> arguments = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens).Select(t => t.Value).Concat(parsed.UnmatchedTokens);
        bool hasEnd = parsed.Tokens.Any(t => t.Type == TokenType.DoubleDash);
        return arguments.FirstOrDefault(a => a.Length > 1 && a[0] == '-' && !hasEnd) is { } unknown ? $"There is no option '{unknown}'; '{help}' lists those there are (a name that begins so: ./{unknown})."
            : parsed.UnmatchedTokens is not [var first, ..] ? (isRoot && parsed.Errors.Count > 0 ? $"Name a command; '{help}' lists them." : null)
            : isRoot ? $"There is no command '{first}'; '{help}' lists those there are."
            : $"'{first}' is one argument too many; a name that holds spaces wants quotes.";
    }

    // The parser would name the type of .NET that it wanted.
    private static string Told(ParseError error)
    {
        OptionResult? option = error.SymbolResult as OptionResult ?? error.SymbolResult?.Parent as OptionResult;
        return option is { Tokens: [{ Value: var given }] } && Wanted(option.Option.CompletionSources, option.Option.ValueType) is { } wanted ? $"{option.Option.Name} '{given}' is {wanted}."
            : error.SymbolResult is ArgumentResult { Tokens: [{ Value: var text }] } argument && Wanted(argument.Argument.CompletionSources, argument.Argument.ValueType) is { } other ? $"{argument.Argument.Name} '{text}' is {other}."
            : error.Message.ReplaceLineEndings(" ");
    }

    private static string? Wanted(List<Func<CompletionContext, IEnumerable<CompletionItem>>> words, Type type)
    {
        string[] known = [.. words.SelectMany(w => w(CompletionContext.Empty)).Select(c => c.Label)];
        return known.Length > 0 ? $"none of {string.Join(", ", known)}" : (Nullable.GetUnderlyingType(type) ?? type).Name switch
        {
            nameof(Int32) => "no whole number of at most 2147483647",
            nameof(UInt64) => "no whole number of 0 or more",
            nameof(Double) or nameof(Decimal) => "no number",
            _ => null,
        };
    }

    private static string NameOf(SymbolResult given) => given is OptionResult option ? option.Option.Name : ((ArgumentResult)given).Argument.Name;
}
