using System.Collections.Immutable;
using FrameFlow.Interpolation;
using FrameFlow.Jobs;
using FrameFlow.Media;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace FrameFlow.Tests.Jobs;

public sealed class JobJournalTests : IDisposable
{
    private static readonly JobRequest Request = new()
    {
        Options = new VideoJobOptions { Input = "/films/it's \"one\"\nname.mkv", Output = "/out/film.mkv", Encode = new() { Crf = 17.5m } },
        Operations = [new InterpolationOperationOptions { Rate = new TargetRate(new Rational(60000, 1001), false), Slow = new Rational(5, 2) }],
    };

    private static readonly Gen<JournalEntry> Entries = Gen.Frequency(
        (1, Gen.Choose(0, 1).Select(i => (JournalEntry)Begun("input" + i))),
        (2, from plan in Gen.Choose(0, 1) from segments in Gen.Choose(1, 4) select (JournalEntry)new JobPlanned("plan" + plan, segments)),
        (8, from plan in Gen.Choose(0, 1) from index in Gen.Choose(-1, 4) from hash in Gen.Choose(0, 9) select (JournalEntry)Done(index, "plan" + plan, "hash" + hash)),
        (2, Gen.Constant((JournalEntry)new JobJoined("all", 99))));

    private static readonly Arbitrary<(JournalEntry[] Entries, int Cut)> Histories =
        (from entries in Entries.ListOf() from cut in Gen.Choose(0, 1_000_000) select (entries.ToArray(), cut)).ToArbitrary();

    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-journal-").FullName;

    private string PathOf => Path.Combine(_folder, "journal");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Fold_CutAnywhere_KnowsExactlyTheWholeLines() => Prop.ForAll(Histories, history =>
    {
        byte[][] lines = [.. history.Entries.Select(JobJournal.Line)];
        byte[] all = [.. lines.SelectMany(l => l)];
        int cut = all.Length == 0 ? 0 : history.Cut % (all.Length + 1);
        int whole = 0;
        for (int at = 0; whole < lines.Length && at + lines[whole].Length - 1 <= cut; whole++)
        {
            at += lines[whole].Length;
        }

        return Same(JobJournal.Fold(all.AsSpan(0, cut)), Folded(history.Entries.Take(whole)));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Fold_OneByteAltered_PassesThatLineOver() => Prop.ForAll(Histories, history =>
    {
        byte[][] lines = [.. history.Entries.Select(JobJournal.Line)];
        if (lines.Length == 0)
        {
            return true;
        }

        int line = history.Cut % lines.Length;
        int at = history.Cut / lines.Length % (lines[line].Length - 1);
        lines[line][at] ^= 1;
        return Same(JobJournal.Fold([.. lines.SelectMany(l => l)]), Folded(history.Entries.Where((_, i) => i != line)));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Apply_AnyHistory_KeepsItsPromises() => Prop.ForAll(Histories, history =>
    {
        JournalState state = JournalState.Empty;
        foreach (JournalEntry entry in history.Entries)
        {
            state = state.Apply(entry);
            bool good = (state.Planned is null || state.Begun is not null)
                && state.Segments.All(s => state.Planned is { } p && s.Value.Plan == p.Plan && s.Key >= 0 && s.Key < p.Segments)
                && (state.Joined is null || state.IsComplete);
            if (!good || !Same(state.Apply(entry), state))
            {
                return false;
            }
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task Append_BehindATornLine_LosesNothingElse()
    {
        JobJournal journal = new(PathOf, TimeProvider.System);
        await journal.AppendAsync(Begun("input"), TestContext.Current.CancellationToken);
        await journal.AppendAsync(new JobPlanned("plan0", 2), TestContext.Current.CancellationToken);
        await File.AppendAllTextAsync(PathOf, "83eb83f3831f4138 {\"did\":\"segm");
        await journal.AppendAsync(Done(1, "plan0", "hash"), TestContext.Current.CancellationToken);

        JournalState state = await journal.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal([1], state.Segments.Keys);
        Assert.Equal(JobJson.Write(Request), JobJson.Write(state.Begun!.Request));
    }

    [Fact]
    public async Task Append_ManyAtOnce_LosesNone()
    {
        JobJournal[] writers = [.. Enumerable.Range(0, 4).Select(_ => new JobJournal(PathOf, TimeProvider.System))];
        await writers[0].AppendAsync(Begun("input"), TestContext.Current.CancellationToken);
        await writers[0].AppendAsync(new JobPlanned("plan0", 40), TestContext.Current.CancellationToken);
        await Task.WhenAll(writers.Select((w, n) => Task.Run(async () =>
        {
            for (int i = n; i < 40; i += 4)
            {
                await w.AppendAsync(Done(i, "plan0", "hash"), CancellationToken.None);
            }
        })));
        Assert.True((await writers[0].ReadAsync(TestContext.Current.CancellationToken)).IsComplete);
    }

    [Fact]
    public async Task Read_NewerFormat_IsRefused()
    {
        await File.WriteAllBytesAsync(PathOf, JobJournal.Line(new JobBegun(JobJournal.Version + 1, Request, Fingerprint("input"))));
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() => new JobJournal(PathOf, TimeProvider.System).ReadAsync(TestContext.Current.CancellationToken));
        Assert.Contains("--restart", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fingerprint_OneSettingChanged_NamesThatOne()
    {
        JobRequest other = Request with { Options = Request.Options with { Encode = new() { Crf = 20 } } };
        string difference = Assert.Single((Fingerprint("input") with { Settings = other.DescribeSettings() }).DifferencesFrom(Fingerprint("input")));
        Assert.Contains("\"crf\":17.5", difference, StringComparison.Ordinal);
        Assert.Contains("\"crf\":20", difference, StringComparison.Ordinal);
        Assert.DoesNotContain("rate", difference, StringComparison.Ordinal);
    }

    [Fact]
    public void Fingerprint_MachineAndPlaceChanged_IsTheSame() => Assert.Equal(
        Request.DescribeSettings(),
        (Request with { Options = Request.Options with { Input = "elsewhere.mkv", Output = "other.mkv", Threads = 7, MemoryBytes = 1L << 30, Overwrite = true } }).DescribeSettings());

    private static JournalState Folded(IEnumerable<JournalEntry> entries) => entries.Aggregate(JournalState.Empty, (s, e) => s.Apply(e));

    private static bool Same(JournalState a, JournalState b) => JobJson.Write(Shape(a)) == JobJson.Write(Shape(b));

    private static Dictionary<string, JournalEntry?> Shape(JournalState state) => new Dictionary<string, JournalEntry?>
    {
        ["begun"] = state.Begun,
        ["planned"] = state.Planned,
        ["joined"] = state.Joined,
    }.Concat(state.Segments.Select(s => new KeyValuePair<string, JournalEntry?>("s" + s.Key, s.Value))).ToDictionary();

    private static JobFingerprint Fingerprint(string input) => new()
    {
        Input = input,
        Settings = Request.DescribeSettings(),
        Models = ImmutableDictionary<string, string>.Empty,
        Build = "b",
        Ffmpeg = "f",
        Device = "none",
    };

    private static JobBegun Begun(string input) => new(JobJournal.Version, Request, Fingerprint(input));

    private static SegmentDone Done(int index, string plan, string hash) =>
        new(index, plan, new FrameRange(0, 5), hash, 7, ImmutableDictionary<string, long>.Empty, [null], 0.5, "here:1", "l", []);
}
