using System.CommandLine;
using FrameFlow.Inference;
using Serilog;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow models [NAME] [--verify] [--json]</c>: what models there are, whether their weights are whole, what they say of themselves.</summary>
internal static class ModelsCommand
{
    public static Command Create(GlobalOptions global)
    {
        Argument<string?> name = new("NAME") { Description = "Show this model's manifest.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> verify = new("--verify") { Description = "Compare the weights' SHA-256 with the manifest's." };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        Command command = new("models", "List models, verify their weights, show a manifest.") { name, verify, json };
        CommandEdge.Run(command, global, (parsed, log, token) => RunAsync(parsed.GetValue(name), parsed.GetValue(verify), parsed.GetValue(json), log, token));
        return command;
    }

    /// <summary>$FRAMEFLOW_MODELS, else the nearest <c>models</c> folder above the program.</summary>
    public static ModelCatalog Catalog()
    {
        string? folder = Environment.GetEnvironmentVariable("FRAMEFLOW_MODELS");
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); folder is null && at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "models");
            if (Directory.Exists(candidate))
            {
                folder = candidate;
            }
        }

        return new ModelCatalog(folder ?? Path.Combine(AppContext.BaseDirectory, "models"));
    }

    private static async Task<int> RunAsync(string? name, bool verify, bool json, ILogger log, CancellationToken cancellationToken)
    {
        ModelCatalog catalog = Catalog();
        IReadOnlyList<Model> models = catalog.List();
        if (name is not null)
        {
            models = [.. models.Where(m => m.Manifest.Name == name)];
            if (models.Count == 0)
            {
                throw new FrameFlowException(FaultKind.Model, $"There is no model '{name}' in {catalog.Folder}; 'frameflow models' lists what there is.");
            }
        }

        bool whole = true;
        List<object> rows = [];
        foreach (Model model in models)
        {
            IReadOnlyList<string> faults = verify ? await ModelCatalog.VerifyAsync(model, cancellationToken) : [];
            whole &= faults.Count == 0;
            foreach (string fault in faults)
            {
                log.Error("{Fault:l}", fault);
            }

            rows.Add(new { model.Manifest, model.Folder, Verified = verify ? faults.Count == 0 : (bool?)null });
            if (!json && name is null)
            {
                long parameters = model.Manifest.Files.Values.Sum(f => f.Parameters);
                string state = !verify ? "" : faults.Count == 0 ? "  weights verified" : "  WEIGHTS DAMAGED";
                Console.Out.WriteLine(FormattableString.Invariant($"{model.Manifest.Name,-12} {model.Manifest.Task,-12} version {model.Manifest.Version}  {parameters:N0} parameters{state}"));
            }
        }

        if (json || name is not null)
        {
            Json.Print(name is null ? rows : rows[0]);
        }
        else
        {
            Console.Out.WriteLine("hold         interpolate  built in: repeats the frame before");
            Console.Out.WriteLine("blend        interpolate  built in: averages by time");
            Console.Out.WriteLine("flow         interpolate  built in: averages along the motion, without a network");
        }

        return whole ? ExitCode.Success : ExitCode.Model;
    }
}
