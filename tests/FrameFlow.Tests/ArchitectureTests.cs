using System.Text.RegularExpressions;
using System.Xml.Linq;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests;

/// <summary>
/// References point one way: Cli -> library; inside the library a folder may use the folders of lower layers and those of its own
/// layer that are listed for it. Read from the sources' text, so it holds for what is compiled away as well.
/// </summary>
public sealed partial class ArchitectureTests
{
    // Media <- {Pipeline, Inference, Diffusion} <- {Decoding, Encoding, Motion, the stages} <- Jobs. Verification stands apart:
    // it may know Media only, so that it cannot repeat the pipeline's mistakes.
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Media"] = [],
        ["Color"] = ["Media"],
        ["Pipeline"] = ["Media"],
        ["Inference"] = ["Media", "Color"],
        ["Diffusion"] = ["Media"],
        ["Verification"] = ["Media"],
        ["Decoding"] = ["Media", "Color", "Pipeline"],
        ["Encoding"] = ["Media", "Color", "Pipeline", "Decoding"],
        ["Motion"] = ["Media", "Color", "Pipeline", "Inference"],
        ["SceneCuts"] = ["Media", "Color", "Pipeline", "Motion"],
        ["Interpolation"] = ["Media", "Color", "Pipeline", "Inference", "Diffusion", "Motion", "SceneCuts", "Decoding"],
        ["Denoising"] = ["Media", "Color", "Pipeline", "Inference", "Diffusion", "Motion", "SceneCuts"],
        ["Repair"] = ["Media", "Color", "Pipeline", "Inference", "Diffusion", "Motion", "SceneCuts", "Denoising", "Interpolation"],
        ["Reporting"] = ["Media", "Pipeline", "Interpolation"],
        ["Jobs"] = ["Media", "Color", "Pipeline", "Inference", "Diffusion", "Decoding", "Encoding", "Motion", "SceneCuts", "Interpolation", "Denoising", "Repair", "Verification", "Reporting"],
        ["Benchmarking"] = ["Media", "Color", "Pipeline", "Inference", "Decoding", "Encoding", "Motion", "SceneCuts", "Interpolation", "Jobs", "Reporting"],
        ["Evaluation"] = ["Media", "Inference", "Decoding", "Encoding", "Interpolation", "Jobs"],
    };

    // Outside packages and the only folders that may know them.
    private static readonly Dictionary<string, string[]> Owners = new(StringComparer.Ordinal)
    {
        ["Microsoft.ML.OnnxRuntime"] = ["Inference"],
        ["FFMpegCore"] = ["Decoding", "Encoding"],
        ["OpenCvSharp"] = ["SceneCuts", "Motion", "Repair", "Evaluation", "Reporting"],
        ["OxyPlot"] = ["Reporting"],
        ["Spectre.Console"] = [],
        ["System.CommandLine"] = [],
        ["Serilog.Sinks"] = [],
        ["Microsoft.AspNetCore"] = [],
        ["Hangfire"] = [],
    };

    private static string Library => Path.Combine(Repository.Root, "src", "FrameFlow");

    [Fact]
    public void Library_Folders_ReferOnlyToLowerLayers()
    {
        List<string> faults = [];
        foreach ((string file, string folder, string text) in Sources())
        {
            if (folder.Length == 0)
            {
                continue; // the root namespace: exceptions and what binds the parts together
            }

            if (!Allowed.TryGetValue(folder, out string[]? allowed))
            {
                faults.Add($"{file}: folder {folder} has no place in the layers; give it one in {nameof(ArchitectureTests)}.");
                continue;
            }

            faults.AddRange(OwnReference().Matches(text).Select(m => m.Groups[1].Value).Distinct()
                .Where(used => used != folder && Allowed.ContainsKey(used) && !allowed.Contains(used))
                .Select(used => $"{file}: {folder} must not know {used}."));
        }

        Assert.True(faults.Count == 0, string.Join("\n", faults));
    }

    [Fact]
    public void Layers_HaveNoCircle()
    {
        foreach ((string folder, string[] uses) in Allowed)
        {
            Assert.DoesNotContain(folder, uses.SelectMany(u => Allowed[u].Append(u)));
        }
    }

    [Fact]
    public void Library_OutsidePackages_AreKnownToTheirOwnersOnly()
    {
        List<string> faults = [];
        foreach ((string file, string folder, string text) in Sources())
        {
            faults.AddRange(Owners.Where(o => Regex.IsMatch(text, @"\b" + Regex.Escape(o.Key) + @"\b") && !o.Value.Contains(folder))
                .Select(o => $"{file}: only {(o.Value.Length == 0 ? "the command line and the server" : string.Join(" and ", o.Value))} may know {o.Key}."));
        }

        Assert.True(faults.Count == 0, string.Join("\n", faults));
    }

    [Fact]
    public void Library_Files_AreInTheNamespaceOfTheirFolder()
    {
        List<string> faults = [];
        foreach ((string file, string _, string text) in Sources())
        {
            string expected = string.Join('.', ["FrameFlow", .. file.Split('/')[..^1]]);
            if (Namespace().Match(text) is { Success: true } found && found.Groups[1].Value != expected)
            {
                faults.Add($"{file}: namespace {found.Groups[1].Value}, expected {expected}.");
            }
        }

        Assert.True(faults.Count == 0, string.Join("\n", faults));
    }

    [Fact]
    public void Library_Project_RefersToNoConsoleOrWebPackageAndNoProject()
    {
        XDocument project = XDocument.Load(Path.Combine(Library, "FrameFlow.csproj"));
        IEnumerable<string> packages = project.Descendants("PackageReference").Select(p => p.Attribute("Include")!.Value);

        Assert.DoesNotContain(packages, p => p.StartsWith("Spectre.", StringComparison.Ordinal) || p.StartsWith("System.CommandLine", StringComparison.Ordinal)
            || p.StartsWith("Serilog.Sinks", StringComparison.Ordinal) || p.StartsWith("Hangfire", StringComparison.Ordinal));
        Assert.Empty(project.Descendants("ProjectReference"));
        Assert.Equal("Microsoft.NET.Sdk", project.Root!.Attribute("Sdk")!.Value);
        Assert.DoesNotContain(Sources(), s => s.Text.Contains("Console.Write", StringComparison.Ordinal));
    }

    // The comments are left out: they may name anything.
    private static IEnumerable<(string File, string Folder, string Text)> Sources()
    {
        foreach (string path in Directory.EnumerateFiles(Library, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string file = Path.GetRelativePath(Library, path).Replace('\\', '/');
            string[] parts = file.Split('/');
            if (parts[0] is not ("bin" or "obj"))
            {
                yield return (file, parts.Length > 1 ? parts[0] : "", Comment().Replace(File.ReadAllText(path), ""));
            }
        }
    }

    [GeneratedRegex(@"\bFrameFlow\.(\w+)")]
    private static partial Regex OwnReference();

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"(?<=^|\s)//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();
}
