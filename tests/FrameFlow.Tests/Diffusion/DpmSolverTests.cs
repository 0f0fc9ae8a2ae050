using FrameFlow.Diffusion;
using Xunit;

namespace FrameFlow.Tests.Diffusion;

public sealed class DpmSolverTests
{
    // For u ~ N(m, v) the exact denoiser is D(z; sigma) = (v z + sigma^2 m)/(v + sigma^2), and the exact ODE solution from sigma_1 to 0
    // keeps the state's quantile: u = m + sqrt(v/(v + sigma_1^2)) (z - m).
    private const double Mean = 0.3;
    private const double Variance = 0.49;

    [Fact]
    public void Solve_GaussianPrior_ConvergesToTheExactFlowFasterThanFirstOrder()
    {
        // Second order in log sigma; the last step, from the smallest sigma to 0, costs a logarithm: ratios grow from 2.9 towards 4.
        double coarse = Error(32);
        double fine = Error(64);
        double finest = Error(128);
        Assert.InRange(coarse / fine, 2.7, 4.2);
        Assert.InRange(fine / finest, 2.9, 4.2);
        Assert.InRange(finest, 0, 2e-4);
    }

    [Theory]
    [InlineData(2, 0.73)]
    [InlineData(3, 0.90)]
    [InlineData(4, 0.97)]
    public void Solve_UnitGaussianInFewSteps_KeepsTheStatedShareOfTheVariance(int steps, double expected)
    {
        float[] state = [1f];
        float[] scratch = new float[2];
        double[] sigmas = NoiseSchedule.EvenInAngle(steps, 1);
        DpmSolver.Solve(1, _ => state, _ => scratch, sigmas, (sigma, clean) => clean(0)[0] = (float)(state[0] / (1 + (sigma * sigma))));

        // The state starts with variance 1 + sigma_1^2 = 2 and the solver is linear.
        Assert.Equal(expected, 2 * state[0] * state[0], 0.006);
    }

    [Fact]
    public void EvenInAngle_ThreeSteps_AreTangentsOfEvenAngles()
    {
        double[] sigmas = NoiseSchedule.EvenInAngle(3, 1);
        Assert.Equal(4, sigmas.Length);
        Assert.Equal(1, sigmas[0], 12);
        Assert.Equal(Math.Tan(Math.PI / 6), sigmas[1], 12);
        Assert.Equal(Math.Tan(Math.PI / 12), sigmas[2], 12);
        Assert.Equal(0, sigmas[3]);
    }

    private static double Error(int steps)
    {
        float[] state = [1.7f];
        float[] scratch = new float[2];
        double exact = Mean + (Math.Sqrt(Variance / (Variance + 1)) * (1.7 - Mean));
        DpmSolver.Solve(1, _ => state, _ => scratch, NoiseSchedule.EvenInAngle(steps, 1), (sigma, clean) =>
            clean(0)[0] = (float)(((Variance * state[0]) + (sigma * sigma * Mean)) / (Variance + (sigma * sigma))));
        return Math.Abs(state[0] - exact);
    }
}
