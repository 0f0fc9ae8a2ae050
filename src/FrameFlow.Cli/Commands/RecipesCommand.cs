using System.CommandLine;
using FrameFlow.Jobs;
using Spectre.Console;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow recipes</c>: what there is, one to start from, what a recipe may hold, and whether one holds water.</summary>
internal static class RecipesCommand
{
    public static Command Create(GlobalOptions global)
    {
        Option<bool> schema = new("--schema") { Description = "Print the JSON Schema of recipes." };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        Command command = new("recipes", "List the recipes of 'restore' and 'watch'.") { schema, json };
        CommandEdge.Run(command, global, (parsed, _, _) =>
        {
            if (parsed.GetValue(schema))
            {
                Console.Out.Write(RecipeSchema.Write());
            }
            else if (parsed.GetValue(json))
            {
                Json.Print(RecipeCatalog.All.Select(r => new { r.Name, r.Description, Operations = r.Operations.Select(JobJson.NameOf) }));
            }
            else
            {
                Table table = new Table().Border(TableBorder.None).HideHeaders().AddColumn("name").AddColumn("what");
                foreach (Recipe recipe in RecipeCatalog.All)
                {
                    table.AddRow(Markup.Escape(recipe.Name), Markup.Escape($"{recipe.Description} ({string.Join(", ", recipe.Operations.Select(JobJson.NameOf))})"));
                }

                AnsiConsole.Write(table);
            }

            return Task.FromResult(ExitCode.Success);
        });

        Argument<string> name = new("NAME") { Description = "A recipe's name, or a JSON file of one." };
        Command show = new("show", "Print a recipe as JSON, to start one's own from.") { name };
        CommandEdge.Run(show, global, (parsed, _, _) =>
        {
            Console.Out.WriteLine(JobJson.WriteIndented(RecipeCatalog.Find(parsed.GetRequiredValue(name))));
            return Task.FromResult(ExitCode.Success);
        });
        Command check = new("check", "Say everything that is wrong with a recipe.") { name };
        CommandEdge.Run(check, global, (parsed, log, _) =>
        {
            Recipe recipe = RecipeCatalog.Find(parsed.GetRequiredValue(name));
            log.Information("Recipe {Name} is good: {Operations:l}.", recipe.Name, string.Join(", ", recipe.Operations.Select(JobJson.NameOf)));
            return Task.FromResult(ExitCode.Success);
        });
        command.Subcommands.Add(show);
        command.Subcommands.Add(check);
        return command;
    }
}
