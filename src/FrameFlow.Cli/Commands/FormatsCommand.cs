using System.CommandLine;
using FrameFlow.Encoding;

namespace FrameFlow.Cli.Commands;

/// <summary><c>frameflow formats</c>: which containers and encoders can be written, and what each carries.</summary>
internal static class FormatsCommand
{
    public static Command Create(GlobalOptions global)
    {
        Command command = new("formats", "List the containers and encoders that can be written, and what each carries.");
        CommandEdge.Run(command, global, (_, _, _) =>
        {
            Console.Out.WriteLine(ContainerCatalog.ToMarkdown());
            Console.Out.WriteLine($"Numbered sequences of pictures (out/frame_%06d.dpx), a folder each: {string.Join(", ", ContainerCatalog.Sequences.Select(s => string.Join(' ', s.Extensions)))}.{Environment.NewLine}");
            Console.Out.WriteLine(EncoderCatalog.ToMarkdown());
            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }
}
