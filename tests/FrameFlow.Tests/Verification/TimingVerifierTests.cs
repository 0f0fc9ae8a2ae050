using FrameFlow.Media;
using FrameFlow.Tests.Support;
using FrameFlow.Verification;
using Xunit;

namespace FrameFlow.Tests.Verification;

public sealed class TimingVerifierTests(TimingVerifierTests.Sources sources) : IClassFixture<TimingVerifierTests.Sources>, IDisposable
{
    private const double Length = 1.5;

    private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-verify-").FullName;

    public enum Way
    {
        True,
        Blend,
        Hold,
    }

    public enum Fault
    {
        DroppedAndShort,
        DroppedAndTimed,
        DroppedAndDoubled,
        DroppedAndDoubledBetweenRealFrames,
        Doubled,
        SwappedRealAndNext,
        SwappedBetween,
        SwappedAcrossARealFrame,
        ShiftedEarlier,
        ShiftedLater,
        LastMissing,
        OneTooMany,
        WrongRate,
        AudioMoved,
        AudioMovedBack,
        AudioLost,
        AudioCutShort,
        SourceRepeated,
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("24", "60", Way.True, "mp4", "mp4")]
    [InlineData("24", "60", Way.Blend, "mkv", "mkv")]
    [InlineData("24", "60", Way.Hold, "mp4", "mp4")]
    [InlineData("24000/1001", "60000/1001", Way.True, "mkv", "mp4")]
    [InlineData("24000/1001", "60", Way.True, "mp4", "mkv")]
    [InlineData("25", "50", Way.True, "mov", "mp4")]
    [InlineData("30000/1001", "60", Way.Blend, "mp4", "mp4")]
    [InlineData("60", "24", Way.True, "mp4", "mp4")]
    public async Task VerifyAsync_CorrectOutput_Passes(string from, string to, Way way, string sourceEnding, string outputEnding)
    {
        Film film = Film.Of(from, to, way);
        VerificationReport report = await VerifyAsync(film, film.Output, sourceEnding, outputEnding, way == Way.Hold);

        AssertPassed(report);
        Assert.Equal(film.Output.Length, report.ExpectedFrames);
        Assert.True(report.RealFramesCompared > 0);
    }

    [Fact]
    public async Task VerifyAsync_RateNotGiven_IsReadFromTheOutput()
    {
        Film film = Film.Of("24000/1001", "60000/1001", Way.True);
        VerificationReport report = await VerifyAsync(film, film.Output, "mp4", "mkv", hold: false, options => options with { Rate = null });

        AssertPassed(report);
        Assert.Equal(new Rational(60000, 1001), report.Rate);
    }

    [Fact]
    public async Task VerifyAsync_StrongCompression_Passes()
    {
        Film film = Film.Of("24", "60", Way.Blend);
        VerificationReport report = await VerifyAsync(film, film.Output, "mp4", "mp4", hold: false, encoder: "-c:v libx264 -preset veryfast -crf 30");

        AssertPassed(report);
    }

    [Theory]
    [InlineData("mp4", true)]
    [InlineData("mkv", true)]
    [InlineData("mp4", false)]
    public async Task VerifyAsync_VariableRate_IsJudgedByTheTimes(string ending, bool correct)
    {
        // 30 fps slots of which a third is missing, irregularly: no grid, only times.
        int[] slots = [.. Enumerable.Range(0, 45).Where(n => n is 0 or 44 || (n * 7 % 11) is not (1 or 4 or 5 or 9))];
        string keep = string.Join('+', slots.Select(n => $"eq(n\\,{n})"));
        string source = Path.Combine(_folder, "source." + ending);
        string output = Path.Combine(_folder, "output.mp4");
        await FootageFilm.WriteAsync(source, Enumerable.Range(0, 45).Select(n => new Shot(n / 30.0)), "30", filter: $"select='{keep}'");
        await FootageFilm.WriteAsync(output, Enumerable.Range(0, 90).Select(k => new Shot((correct ? k : k + 2) / 60.0 > 44 / 30.0 ? 44 / 30.0 : (correct ? k : k + 2) / 60.0)), "60");

        VerificationReport report = await new TimingVerifier(new VerificationOptions { Rate = 60 }).VerifyAsync(source, output, TestContext.Current.CancellationToken);

        Assert.Null(report.SourceRate);
        Assert.Equal(correct, report.Passed);
    }

    [Theory]
    [InlineData("kept")]
    [InlineData("lost", "frame for frame", "the source's own times")]
    [InlineData("moved", "the source's own times")]
    public async Task VerifyAsync_VariableRateFrameForFrame_HoldsTheSourcesOwnTimes(string what, params string[] failed)
    {
        int[] slots = [.. Enumerable.Range(0, 45).Where(n => n is 0 or 44 || (n * 7 % 11) is not (1 or 4 or 5 or 9))];
        string Keep(IEnumerable<int> kept) => $"select='{string.Join('+', kept.Select(n => $"eq(n\\,{n})"))}'";
        string source = Path.Combine(_folder, "source.mkv");
        string output = Path.Combine(_folder, "output.mkv");
        Shot[] shots = [.. Enumerable.Range(0, 45).Select(n => new Shot(n / 30.0))];
        await FootageFilm.WriteAsync(source, shots, "30", filter: Keep(slots));
        await FootageFilm.WriteAsync(output, shots, "30", filter: what switch
        {
            "lost" => Keep(slots.Where((_, k) => k != 3)),
            "moved" => Keep(slots.Select(n => n == slots[^2] ? n - 1 : n)),
            _ => Keep(slots),
        });

        VerificationReport report = await new TimingVerifier(new VerificationOptions()).VerifyAsync(source, output, TestContext.Current.CancellationToken);

        Assert.Equal(failed, report.Checks.Where(c => !c.Passed).Select(c => c.Name));
    }

    [Fact]
    public async Task VerifyAsync_SlowMotion_StretchesTimeAndExpectsNoSound()
    {
        Film film = Film.Of("24", "24", Way.True);
        Shot[] output = [.. Enumerable.Range(0, film.Source.Length * 5 / 2).Select(k => new Shot(Math.Min(k / 60.0, film.LastSourceTime)))];
        VerificationReport report = await VerifyAsync(film, output, "mp4", "mp4", hold: false, o => o with { Slow = new Rational(5, 2) }, audioSeconds: 0);

        AssertPassed(report);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public async Task VerifyAsync_Part_IsHeldAgainstThatPart(int shift, bool correct)
    {
        Film film = Film.Of("24", "60", Way.True);
        Shot[] output = [.. Enumerable.Range(0, 30).Select(k => new Shot(0.5 + Math.Min((k + shift) / 60.0, 11 / 24.0)))];
        VerificationReport report = await VerifyAsync(film, output, "mp4", "mp4", hold: false,
            options => options with { Start = new Rational(1, 2), Duration = new Rational(1, 2) }, audioSeconds: 0.5);

        Assert.Equal(12, report.SourceFrames);
        Assert.Equal(30, report.ExpectedFrames);
        Assert.Equal(correct, report.Passed);
    }

    [Theory]
    [InlineData(Fault.DroppedAndShort, "frame count")]
    [InlineData(Fault.DroppedAndTimed, "even times")]
    [InlineData(Fault.DroppedAndDoubled, "real frames in place")]
    [InlineData(Fault.DroppedAndDoubledBetweenRealFrames, "no frame doubled")]
    [InlineData(Fault.Doubled, "frame count")]
    [InlineData(Fault.SwappedRealAndNext, "real frames in place")]
    [InlineData(Fault.SwappedBetween, "frames between in order")]
    [InlineData(Fault.SwappedAcrossARealFrame, "frames between in order")]
    [InlineData(Fault.ShiftedEarlier, "real frames in place")]
    [InlineData(Fault.ShiftedLater, "real frames in place")]
    [InlineData(Fault.LastMissing, "frame count")]
    [InlineData(Fault.OneTooMany, "frame count")]
    [InlineData(Fault.WrongRate, "even times")]
    [InlineData(Fault.AudioMoved, "audio 0 offset")]
    [InlineData(Fault.AudioMovedBack, "audio 0 offset")]
    [InlineData(Fault.AudioLost, "audio tracks")]
    [InlineData(Fault.AudioCutShort, "audio 0 length")]
    [InlineData(Fault.SourceRepeated, "no frame doubled")]
    public async Task VerifyAsync_SeededFault_IsRejected(Fault fault, string check)
    {
        // A fault of pictures is sought in a drawn and in a blended film; one of times or sound shows in either.
        foreach (Way way in (Way[])(check.Contains("frame", StringComparison.Ordinal) && check != "frame count" ? [Way.True, Way.Blend] : [Way.True]))
        {
            Film film = Film.Of("24", "60", way);
            List<Shot> shots = [.. film.Output];
            string filter = "null";
            string rate = "60";
            bool sound = check.StartsWith("audio", StringComparison.Ordinal); // elsewhere it only costs time
            double audio = sound ? Length : 0;
            double delay = 0;
            switch (fault)
            {
                case Fault.DroppedAndShort: shots.RemoveAt(37); break;
                case Fault.DroppedAndTimed: filter = "select='not(eq(n\\,37))'"; break;
                case Fault.DroppedAndDoubled: shots.RemoveAt(37); shots.Insert(60, shots[60]); break;
                case Fault.DroppedAndDoubledBetweenRealFrames: shots[38] = shots[37]; break;
                case Fault.Doubled: shots.Insert(37, shots[37]); break;
                case Fault.SwappedRealAndNext: (shots[40], shots[41]) = (shots[41], shots[40]); break;
                case Fault.SwappedBetween: (shots[41], shots[42]) = (shots[42], shots[41]); break;
                case Fault.SwappedAcrossARealFrame: (shots[42], shots[43]) = (shots[43], shots[42]); break;
                case Fault.ShiftedEarlier: shots.RemoveAt(0); shots.Add(shots[^1]); break;
                case Fault.ShiftedLater: shots.Insert(0, shots[0]); shots.RemoveAt(shots.Count - 1); break;
                case Fault.LastMissing: shots.RemoveAt(shots.Count - 1); break;
                case Fault.OneTooMany: shots.Add(shots[^1]); break;
                case Fault.WrongRate: rate = "60000/1001"; break;
                case Fault.AudioMoved: delay = 0.05; break;
                case Fault.AudioMovedBack: filter = "setpts=PTS+0.05/TB"; break;
                case Fault.AudioLost: audio = 0; break;
                case Fault.AudioCutShort: audio = Length - 0.2; break;
                case Fault.SourceRepeated: shots = [.. Film.Of("24", "60", Way.Hold).Output]; break;
            }

            VerificationReport report = await VerifyAsync(film, [.. shots], "mp4", "mp4", hold: false, audioSeconds: audio, audioDelay: delay, filter: filter, outputRate: rate, sourceSound: sound);

            Assert.Contains(report.Checks, c => c.Name == check && !c.Passed);
        }
    }

    [Fact]
    public async Task VerifyAsync_WholeFilmShiftedWhereNoTimesMeet_IsRejected()
    {
        Film film = Film.Of("24000/1001", "60", Way.True);
        Shot[] shifted = [.. film.Output.Skip(1), film.Output[^1]];
        VerificationReport report = await VerifyAsync(film, shifted, "mp4", "mp4", hold: false);

        Assert.False(report.Passed);
    }

    [Fact]
    public async Task VerifyAsync_MissingSource_IsAnInputFault()
    {
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() =>
            new TimingVerifier(new VerificationOptions()).VerifyAsync("nowhere.mp4", Repository.TestData("pan24.mp4"), TestContext.Current.CancellationToken));

        Assert.Equal(FaultKind.Input, fault.Kind);
        Assert.Equal("nowhere.mp4: there is no such file.", fault.Message);
    }

    [Fact]
    public async Task VerifyAsync_SoundOnly_IsAnInputFault()
    {
        FrameFlowException fault = await Assert.ThrowsAsync<FrameFlowException>(() =>
            new TimingVerifier(new VerificationOptions()).VerifyAsync(Repository.TestData("bad/audio-only.m4a"), Repository.TestData("pan24.mp4"), TestContext.Current.CancellationToken));

        Assert.Equal(FaultKind.Input, fault.Kind);
    }

    private static Rational Parse(string text)
    {
        Assert.True(Rational.TryParse(text, out Rational value));
        return value;
    }

    private static void AssertPassed(VerificationReport report) =>
        Assert.True(report.Passed, string.Join('\n', report.Checks.Where(c => !c.Passed).Select(c => $"{c.Name}: {c.Measured}, expected {c.Expected}")));

    private async Task<VerificationReport> VerifyAsync(Film film, Shot[] output, string sourceEnding, string outputEnding, bool hold,
        Func<VerificationOptions, VerificationOptions>? change = null, double audioSeconds = Length, double audioDelay = 0, string? filter = null,
        string? outputRate = null, bool sourceSound = true, string encoder = "-c:v libx264 -preset veryfast -crf 20")
    {
        string source = await sources.OfAsync(film, sourceEnding, sourceSound);
        string result = Path.Combine(_folder, "output." + outputEnding);
        await FootageFilm.WriteAsync(result, output, outputRate ?? film.To, audioSeconds, audioDelay, filter, encoder);
        VerificationOptions options = new() { Rate = Parse(film.To), AllowHeldFrames = hold };
        return await new TimingVerifier(change is null ? options : change(options)).VerifyAsync(source, result, TestContext.Current.CancellationToken);
    }

    /// <summary>Sources of all tests here, each written once.</summary>
    public sealed class Sources : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("frameflow-verify-sources-").FullName;

        public void Dispose() => Directory.Delete(_folder, recursive: true);

        internal async Task<string> OfAsync(Film film, string ending, bool sound)
        {
            string path = Path.Combine(_folder, $"{film.From.Replace('/', '-')}{(sound ? "" : "-silent")}.{ending}");
            if (!File.Exists(path))
            {
                await FootageFilm.WriteAsync(path, film.Source, film.From, audioSeconds: sound ? Length : 0);
            }

            return path;
        }
    }

    /// <summary>A source and its correct output, as lists of shots.</summary>
    internal sealed record Film(string From, string To, Shot[] Source, Shot[] Output, double LastSourceTime)
    {
        public static Film Of(string from, string to, Way way)
        {
            Rational source = Parse(from);
            Rational target = Parse(to);
            long frames = (source * new Rational(3, 2)).Round();
            long count = (frames / source * target).Ceiling();
            double Time(long i) => (i / source).ToDouble();
            double last = Time(frames - 1);
            List<Shot> output = [];
            for (long k = 0; k < count; k++)
            {
                Rational place = k / target * source;
                long left = Math.Min(place.Floor(), frames - 1);
                double mix = Math.Clamp((place - left).ToDouble(), 0, 1);
                output.Add(left == frames - 1 ? new Shot(last) : way switch
                {
                    Way.True => new Shot((k / target).ToDouble()),
                    Way.Blend => new Shot(Time(left), Time(left + 1), mix),
                    _ => new Shot(Time(left)),
                });
            }

            return new Film(from, to, [.. Enumerable.Range(0, (int)frames).Select(i => new Shot(Time(i)))], [.. output], last);
        }
    }
}
