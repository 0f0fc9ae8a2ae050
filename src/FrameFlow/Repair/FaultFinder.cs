using System.Runtime.CompilerServices;
using FrameFlow.Media;
using FrameFlow.SceneCuts;

namespace FrameFlow.Repair;

/// <summary>
/// Finds spoilt frames by what stands around them, at thumbnail size. A frame's verdict follows from the frames within <see cref="Reach"/> of it alone, so a
/// part of a film gets the verdicts of the whole. Every pattern has a good frame before it and one behind it that show one scene, at most
/// <see cref="LongestRun"/> + 1 apart: what has no such end is content (a fade, a title, a still, the next scene).
/// </summary>
internal static class FaultFinder
{
    /// <summary>The longest run of spoilt frames that is found.</summary>
    public const int LongestRun = 16;

    /// <summary>How many frames on each side a verdict depends on: a run, its ends, and the frame beyond each.</summary>
    public const int Reach = LongestRun + 3;

    // Luma means, codes of 8 bit. Video black is 16, full-range black 0: a picture whose brightest block stays below is black.
    private const double BlackBelow = 22;

    // The frames around black ones must be brighter by this, and no darker than this part of what stands beyond them: else it is a fade.
    private const double BrighterBy = 12;
    private const double NoFade = 0.8;

    // A flat picture brighter than this is a flash, which is content.
    private const double FlashAbove = 215;

    // Change of the worst block of 8 x 8 from one frame to the next, codes of 8 bit. A repeated frame changes by what coding leaves, a moving one by well more.
    private const double RepeatsBelow = 1.2;
    private const double MovesAbove = 4;

    // A block that no motion explains, where the decoder reported damage: so many codes, and so many times what is usual around it.
    private const double PopAbove = 12;
    private const double PopTimes = 3;

    /// <summary>How many frames on each side decide whether a frame is good.</summary>
    public static int ReachFor(FrameFaults faults) => faults == FrameFaults.None ? 0 : Reach;

    /// <summary>Passes frames on with the verdict on each, <see cref="Reach"/> frames late.</summary>
    /// <param name="input">The frames.</param>
    /// <param name="faults">What is looked for.</param>
    /// <param name="options">Where the decoder reported damage.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>Each frame, whether it is spoilt, and whether a run begins with it that looks spoilt but is longer than <see cref="LongestRun"/>: it is left as it is.</returns>
    public static async IAsyncEnumerable<(Frame Frame, bool IsFaulty, bool IsTooLong)> FindAsync(
        IAsyncEnumerable<Frame> input, FrameFaults faults, RebuildOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (faults == FrameFaults.None)
        {
            await foreach (Frame frame in input.WithCancellation(cancellationToken))
            {
                yield return (frame, false, false);
            }

            yield break;
        }

        using Window window = new(faults, options);
        await foreach (Frame frame in input.WithCancellation(cancellationToken))
        {
            window.Add(frame);
            if (window.Waiting > Reach)
            {
                yield return window.Next();
            }
        }

        while (window.Waiting > 0)
        {
            yield return window.Next();
        }
    }

    private sealed class Look(Frame frame) : IDisposable
    {
        private bool _isTaken;

        public Thumbnail Picture { get; } = new();

        public bool IsBlack { get; set; }

        public double Mean { get; set; }

        /// <summary>Change of the worst block from the frame before.</summary>
        public double Change { get; set; } = double.PositiveInfinity;

        /// <summary>Whether it shows another scene than the frame before, motion undone.</summary>
        public bool Jumps { get; set; }

        /// <summary>What motion does not explain of the worst block.</summary>
        public double Pop { get; set; }

        public bool IsDamaged { get; set; }

        public bool IsFaulty { get; set; }

        public bool IsTooLong { get; set; }

        public Frame Frame => frame;

        public Frame Take()
        {
            _isTaken = true;
            return frame;
        }

        public void Dispose()
        {
            Picture.Dispose();
            if (!_isTaken)
            {
                frame.Dispose();
            }
        }
    }

    // The looks from one before the frame whose turn it is; index 1 is that frame where index 0 has passed.
    private sealed class Window(FrameFaults faults, RebuildOptions options) : IDisposable
    {
        private readonly SceneCutDetector _detector = new(new SceneCutOptions());
        private readonly List<Look> _looks = [];
        private int _turn;

        public int Waiting => _looks.Count - _turn;

        public void Add(Frame frame)
        {
            Look look = new(frame);
            _looks.Add(look);
            look.Picture.Take(frame);
            look.Mean = look.Picture.Mean;
            look.IsBlack = SceneCutDetector.Brightest(look.Picture) < BlackBelow;
            look.IsDamaged = options.Damaged.Any(d => frame.Time > d.Start && frame.Time <= d.End);
            if (_looks.Count > 1)
            {
                Look before = _looks[^2];
                look.Change = _detector.Change(before.Picture, look.Picture);
                look.Jumps = _detector.AreDifferentScenes(before.Picture, look.Picture);
                look.Pop = _detector.WorstBlock();
            }
        }

        public (Frame Frame, bool IsFaulty, bool IsTooLong) Next()
        {
            Judge(_turn);
            Look look = _looks[_turn];
            _turn++;
            Frame frame = look.Take();
            while (_turn > 2)
            {
                _looks[0].Dispose();
                _looks.RemoveAt(0);
                _turn--;
            }

            return (frame, look.IsFaulty, look.IsTooLong);
        }

        public void Dispose()
        {
            _detector.Dispose();
            _looks.ForEach(l => l.Dispose());
        }

        // Marks the runs whose last good frame before them is this one. Those that hold it itself were found at earlier turns.
        private void Judge(int left)
        {
            if (left + 2 >= _looks.Count)
            {
                return;
            }

            if (faults.HasFlag(FrameFaults.Black) && EndOfBlack(left) is { } lit)
            {
                Mark(left, lit);
            }

            if (faults.HasFlag(FrameFaults.Corrupt) && (EndOfGarbage(left) ?? EndOfDamage(left)) is { } clean)
            {
                Mark(left, clean);
            }

            if ((faults & (FrameFaults.Frozen | FrameFaults.Repeated)) != 0 && EndOfRepeats(left) is { } moving)
            {
                Mark(left, moving);
            }
        }

        private int? EndOfBlack(int left)
        {
            int right = left + 1;
            while (right < _looks.Count && right <= left + LongestRun && _looks[right].IsBlack)
            {
                right++;
            }

            if (_looks[left].IsBlack || right == left + 1 || right == _looks.Count)
            {
                return null;
            }

            double dark = Enumerable.Range(left + 1, right - left - 1).Max(i => _looks[i].Mean) + BrighterBy;
            if (_looks[right].IsBlack)
            {
                _looks[left + 1].IsTooLong |= IsLit(left, left - 1, dark);
                return null;
            }

            return IsLit(left, left - 1, dark) && IsLit(right, right + 1, dark) && IsOneScene(left, right) ? right : null;
        }

        private bool IsLit(int at, int beyond, double dark) =>
            _looks[at].Mean > dark && (beyond < 0 || beyond >= _looks.Count || _looks[at].Mean >= NoFade * _looks[beyond].Mean);

        // From a jump to the first frame that is of the old scene again, and stays so.
        private int? EndOfGarbage(int left)
        {
            if (!_looks[left + 1].Jumps || (left > 0 && _looks[left].Jumps) || _looks[left].IsBlack)
            {
                return null;
            }

            for (int right = left + 2; right < _looks.Count && right <= left + LongestRun + 1; right++)
            {
                if (_looks[right].IsBlack || !IsOneScene(left, right) || (right + 1 < _looks.Count && _looks[right + 1].Jumps))
                {
                    continue;
                }

                // Black frames are another fault; a flash is none.
                return Enumerable.Range(left + 1, right - left - 1).All(i => !_looks[i].IsBlack && _looks[i].Mean < FlashAbove && !IsOneScene(i, right)) ? right : null;
            }

            return null;
        }

        // What the decoder conceals creeps in unseen and stays until the next key frame puts all of it right at once: from the first frame of a stretch that it
        // complained of to the one at which most pops out.
        private int? EndOfDamage(int left)
        {
            if (_looks[left].IsDamaged || !_looks[left + 1].IsDamaged)
            {
                return null;
            }

            int last = Math.Min(_looks.Count - 1, left + LongestRun + 1);
            int right = left + 2;
            for (int i = right; i <= last; i++)
            {
                right = _looks[i].Pop > _looks[right].Pop ? i : right;
            }

            double[] pops = [.. _looks.Skip(left + 1).Select(l => l.Pop).Order()];
            return _looks[right].Pop >= Math.Max(PopAbove, PopTimes * pops[pops.Length / 2]) && !_looks[(left + 1)..(right + 1)].Exists(l => l.Frame.IsSceneStart) ? right : null;
        }

        private int? EndOfRepeats(int left)
        {
            int right = left + 1;
            while (right < _looks.Count && right <= left + LongestRun + 1 && _looks[right].Change < RepeatsBelow)
            {
                right++;
            }

            int repeats = right - left - 1;
            bool movedBefore = left > 0 && _looks[left].Change > MovesAbove && !double.IsInfinity(_looks[left].Change);
            if (repeats > LongestRun)
            {
                _looks[left + 1].IsTooLong |= movedBefore;
                return null;
            }

            bool isRun = repeats >= (faults.HasFlag(FrameFaults.Repeated) ? 1 : 2) && right < _looks.Count;
            return isRun && movedBefore && _looks[right].Change > MovesAbove && IsOneScene(left, right) ? right : null;
        }

        private bool IsOneScene(int first, int second) => !_detector.AreDifferentScenes(_looks[first].Picture, _looks[second].Picture);

        private void Mark(int left, int right)
        {
            for (int i = left + 1; i < right; i++)
            {
                _looks[i].IsFaulty = true;
            }
        }
    }
}
